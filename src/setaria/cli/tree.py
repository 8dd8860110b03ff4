"""All commands, in the language of whoever asks."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import typer

from setaria.cli.exits import Exit, exit_of
from setaria.cli.language import complain, language_of
from setaria.cli.terminal import Terminal, terminal_of
from setaria.facts.log import LogFaulty
from setaria.facts.refused import Refused
from setaria.words import say

# typer carries click within itself since 0.26 and imported it before: through its own classes both are reached.
USAGE_ERROR: Final[type[Exception]] = typer.BadParameter.__bases__[0]
CLICK_ERROR: Final[type[Exception]] = USAGE_ERROR.__bases__[0]


def run(arguments: Sequence[str]) -> int:
    language = language_of(arguments)
    command = build(language)
    try:
        ended = command.main(list(arguments), prog_name="setaria", obj=Terminal(language), standalone_mode=False)
        sys.stdout.flush()
    except Refused as refused:
        complain(refused, language)
        return exit_of(refused.code)
    except LogFaulty as faulty:
        complain(faulty.refusal, language)
        return Exit.REFUSED
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # who read us has gone: nobody is left to be told
        return Exit.OK
    except CLICK_ERROR as error:
        sys.stderr.write(wrong_usage(error, language) + "\n")
        return Exit.USAGE
    return ended if isinstance(ended, int) else Exit.OK  # what typer.Exit was raised with


def build(language: str) -> Any:
    """The click command that typer makes of the tree, with its help in words."""
    from setaria.cli import (
        adding,
        doctor,
        facts,
        flywheel,
        keeping,
        linkages,
        mqtt,
        owner,
        people,
        scenes,
        starting,
        things,
        trust,
        watch,
        wifi,
    )

    app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", pretty_exceptions_enable=False)
    app.callback()(_root)
    for module in (starting, things, watch, adding, wifi, keeping, trust, doctor):
        app.add_typer(module.app)
    groups = {
        "scene": scenes.app,
        "linkage": linkages.app,
        "members": people.members,
        "mqtt": mqtt.app,
        "owner": owner.app,
        "rooms": people.rooms,
        "facts": facts.app,
        "flywheel": flywheel.app,
    }
    for name, group in groups.items():
        app.add_typer(group, name=name, no_args_is_help=True)
    command: Any = typer.main.get_command(app)
    shared = _shared_options()
    for path, each in walk(command):
        if not hasattr(each, "commands"):
            each.params = [*each.params, *shared]
        put_in_words(path, each, language)
    _titles(language)
    return command


def _root(
    version: Annotated[bool, typer.Option("--version", is_eager=True, callback=lambda value: _version(value))] = False,
) -> None:
    """The root itself does nothing: see `cli.help`."""


def _version(asked: bool) -> None:
    if asked:
        from setaria import __version__

        sys.stdout.write(f"setaria {__version__}\n")
        raise typer.Exit


def _put(context: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
    setattr(terminal_of(context), str(param.name), value)
    return value


def _shared(
    json: Annotated[bool, typer.Option("--json", callback=_put)] = False,
    hub: Annotated[str, typer.Option("--hub", callback=_put, envvar="SETARIA_HUB", metavar="URL")] = "",
    lang: Annotated[str, typer.Option("--lang", envvar="SETARIA_LANG", metavar="zh-CN|en")] = "",
) -> None:
    """Never called: a template for its options."""


def _shared_options() -> list[Any]:
    """--json, --hub and --lang, as every command has them: made once and not passed to its function."""

    made = typer.Typer(add_completion=False)
    made.command()(_shared)
    command: Any = typer.main.get_command(made)
    options = [each for each in command.params if each.name in ("json", "hub", "lang")]
    for option in options:
        option.expose_value = False
        option.show_default = False
        option.show_envvar = False
    return options


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield path, command
    for name, each in getattr(command, "commands", {}).items():
        yield from walk(each, (*path, name))


def put_in_words(path: tuple[str, ...], command: Any, language: str) -> None:
    """Help texts are sentences of the catalogue: `cli.help.PATH`, its example, and `cli.option.NAME` of each option."""
    key = ".".join(("cli.help", *path))
    text = say(key, language)
    example = say(f"{key}.example", language)
    if example != f"{key}.example":
        text += f"\n\n[dim]{say('cli.help_example', language)}[/dim] [cyan]{example}[/cyan]"
    command.help = text
    command.short_help = say(key, language)
    for param in command.params:
        own, common = f"cli.option.{'.'.join((*path, str(param.name)))}", f"cli.option.{param.name}"
        told = say(own, language)
        param.help = say(common, language) if told == own else told
    option = command.get_help_option(typer.Context(command))
    if option is not None:
        option.help = say("cli.option.help", language)


def _titles(language: str) -> None:
    from typer import rich_utils

    for name, key in (
        ("ARGUMENTS_PANEL_TITLE", "arguments"),
        ("OPTIONS_PANEL_TITLE", "options"),
        ("COMMANDS_PANEL_TITLE", "commands"),
    ):
        setattr(rich_utils, name, say(f"cli.panel.{key}", language))


def wrong_usage(error: Exception, language: str) -> str:
    """click's message, in words where its kind is known, and where help is."""
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "setaria")
    param = getattr(error, "param", None)
    kind = type(error).__name__
    if kind == "NoSuchOption":
        text = say("cli.usage.no_option", language, option=getattr(error, "option_name", ""))
    elif kind == "MissingParameter" and param is not None:
        missing = param.opts[0] if param.param_type_name == "option" else param.metavar or param.name
        text = say("cli.usage.missing", language, name=missing)
    elif kind == "BadParameter" and param is not None:
        text = say("cli.usage.bad", language, name=param.name, why=getattr(error, "message", ""))
    elif unknown := re.search(r"^No such command '(.+)'", str(getattr(error, "message", ""))):
        text = say("cli.usage.no_command", language, name=unknown[1])
    else:
        text = say("cli.usage.other", language, why=getattr(error, "message", str(error)))
    return f"{text}\n{say('cli.usage.next', language, command=path)}"
