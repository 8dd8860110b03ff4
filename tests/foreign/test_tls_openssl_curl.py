"""What `openssl` and `curl`, as Debian has them, make of the home's certificates and of the listener."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from setaria.app import Hub, Settings
from setaria.facts.clock import SystemClock
from setaria.web.lan import Lan
from setaria.web.tls.authority import issue, make_authority

pytestmark = pytest.mark.foreign
HOST = "127.0.12.22"


def need(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        if os.environ.get("CI"):
            pytest.fail(f"{program} is missing")
        pytest.skip(f"{program} is missing")
    return found


@pytest.mark.parametrize(
    ("name", "good"), [("nas.local", True), ("192.168.1.5", True), ("bank.example", False), ("8.8.8.8", False)]
)
def test_openssl_accepts_the_chain_and_keeps_to_the_name_constraints(tmp_path: Path, name: str, good: bool) -> None:
    """The last two are issued by bending our own rule: it is the constraint in the authority that must hold them."""
    authority = make_authority(SystemClock().now(), "nas", ())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("setaria.web.tls.authority.permits", lambda issuer, each: True)
        leaf = issue(authority, SystemClock().now(), (name,))
    (tmp_path / "ca.crt").write_bytes(authority.certificate)
    (tmp_path / "leaf.pem").write_bytes(leaf.pair)
    asked = "-verify_ip" if name[0].isdigit() else "-verify_hostname"
    command = [need("openssl"), "verify", "-x509_strict", "-purpose", "sslserver", asked, name]
    done = subprocess.run(
        [*command, "-CAfile", "ca.crt", "leaf.pem"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode == 0) is good, done
    assert good or "permitted subtree violation" in done.stdout + done.stderr


async def run(*command: str) -> tuple[int, str]:
    made = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(20):
        said, _ = await made.communicate()
    return made.returncode or 0, said.decode(errors="replace")


async def test_curl_and_s_client_reach_a_hub(tmp_path: Path) -> None:
    curl, openssl = need("curl"), need("openssl")
    settings = Settings(tmp_path / "hub", "en", port=0, miio=False, mdns=False, lan=Lan(HOST, 0, ("hub.lan",)))
    hub = Hub.open(settings, [])
    await hub.start()
    try:
        loopback = await hub.serve()
        assert hub.lan is not None
        ca, port = str(settings.folder / "tls" / "ca.crt"), hub.lan.port
        options = (curl, "-sS", "--max-time", "10", "--noproxy", "*", "--cacert", ca)
        told = ("-o", str(tmp_path / "got.crt"), "-w", "%{http_code} %{http_version} %{ssl_verify_result}")
        code, said = await run(*options, *told, f"{hub.lan.url}/ca.crt")
        assert (code, said) == (0, "200 2 0")
        assert (tmp_path / "got.crt").read_bytes() == hub.lan.authority
        at = ("--resolve", f"hub.lan:{port}:{HOST}", "--http1.1")
        code, said = await run(*options, *at, *told, f"https://hub.lan:{port}/ca.crt")
        assert (code, said) == (0, "200 1.1 0")
        code, said = await run(*options, "--resolve", f"bank.example:{port}:{HOST}", f"https://bank.example:{port}/")
        assert code == 60, said  # curl: peer certificate cannot be authenticated
        code, said = await run(*options, "-H", "Host: evil.example", f"{hub.lan.url}/")
        assert "host_foreign" in said
        code, said = await run(*options, f"{loopback}/ca.crt", "-o", str(tmp_path / "again.crt"))
        assert (tmp_path / "again.crt").read_bytes() == hub.lan.authority
        client = (openssl, "s_client", "-connect", f"{HOST}:{port}", "-CAfile", ca, "-verify_return_error")
        code, said = await run(*client, "-verify_ip", HOST, "-alpn", "h2")
        assert "Verify return code: 0 (ok)" in said
        assert "ALPN protocol: h2" in said
        assert "TLSv1.3" in said
        code, said = await run(*client, "-tls1_2")
        assert code != 0
    finally:
        await hub.close()
