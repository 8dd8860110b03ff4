"""The sample home as data, and any number of other things for measuring."""

from __future__ import annotations

from random import Random
from typing import Final

import msgspec

from setaria.home.spec.library import SpecLibrary


class SampleRoom(msgspec.Struct, frozen=True):
    id: str
    zh: str
    en: str
    storey: str


class SampleStorey(msgspec.Struct, frozen=True):
    id: str
    zh: str
    en: str


class SampleMember(msgspec.Struct, frozen=True):
    id: str
    zh: str
    en: str
    role: str


class SampleThing(msgspec.Struct, frozen=True):
    """`did` is the miIO device id in decimal. Its token follows from the seed: `assembly.token_of`."""

    id: str
    did: str
    model: str
    zh: str
    en: str
    room: str


class SampleHome(msgspec.Struct, frozen=True):
    zh: str
    en: str
    storeys: tuple[SampleStorey, ...]
    rooms: tuple[SampleRoom, ...]
    members: tuple[SampleMember, ...]
    things: tuple[SampleThing, ...]


_STOREY: Final = "ground"
_FIRST_DID: Final = 480_000_001

SAMPLE: Final = SampleHome(
    zh="李家",
    en="The Li family",
    storeys=(SampleStorey(_STOREY, "一层", "Ground floor"),),
    rooms=(
        SampleRoom("living", "客厅", "Living room", _STOREY),
        SampleRoom("bedroom", "卧室", "Bedroom", _STOREY),
        SampleRoom("parents", "父母房", "Parents' room", _STOREY),
        SampleRoom("kitchen", "厨房", "Kitchen", _STOREY),
        SampleRoom("door", "门厅", "Door", _STOREY),
        SampleRoom("balcony", "阳台", "Balcony", _STOREY),
    ),
    members=(
        SampleMember("li_wei", "李伟", "Li Wei", "owner"),
        SampleMember("wang_fang", "王芳", "Wang Fang", "adult"),
        SampleMember("xiaoman", "小满", "Xiaoman", "child"),
        SampleMember("nainai", "奶奶", "Grandma", "elder"),
    ),
    things=tuple(
        SampleThing(slug, str(_FIRST_DID + place), model, zh, en, room)
        for place, (slug, model, zh, en, room) in enumerate(
            (
                ("living_light", "yeelink.light.colorc", "客厅灯", "Living room light", "living"),
                ("living_strip", "yeelink.light.strip6", "电视灯带", "TV light strip", "living"),
                ("living_purifier", "zhimi.airp.mb5", "空气净化器", "Air purifier", "living"),
                ("living_curtain", "lumi.curtain.hagl08", "客厅窗帘", "Living room curtain", "living"),
                ("living_vacuum", "dreame.vacuum.p2009", "扫地机器人", "Robot vacuum", "living"),
                ("living_ac", "xiaomi.airc.r24r00", "客厅空调", "Living room air conditioner", "living"),
                ("living_speaker", "xiaomi.wifispeaker.lx06", "小爱音箱", "Speaker", "living"),
                ("living_fan", "dmaker.fan.p10", "落地扇", "Standing fan", "living"),
                ("living_gateway", "lumi.gateway.mgl03", "多模网关", "Gateway", "living"),
                ("living_motion", "lumi.sensor_motion.v2", "客厅人体传感器", "Living room motion sensor", "living"),
                ("bedroom_lamp", "yeelink.light.lamp22", "床头灯", "Bedside lamp", "bedroom"),
                ("bedroom_humidifier", "zhimi.humidifier.ca4", "加湿器", "Humidifier", "bedroom"),
                ("bedroom_switch", "090615.switch.mesw2", "卧室墙壁开关", "Bedroom wall switch", "bedroom"),
                ("parents_light", "philips.light.downlight", "父母房筒灯", "Parents' room downlight", "parents"),
                (
                    "parents_motion",
                    "lumi.sensor_motion.v2",
                    "父母房人体传感器",
                    "Parents' room motion sensor",
                    "parents",
                ),
                ("parents_heater", "zhimi.heater.mc2", "父母房电暖器", "Parents' room heater", "parents"),
                ("kitchen_light", "philips.light.ceiling", "厨房吸顶灯", "Kitchen ceiling light", "kitchen"),
                ("kitchen_dispenser", "xiaomi.ysj.a1en", "饮水机", "Water dispenser", "kitchen"),
                ("kitchen_kettle", "yunmi.kettle.r3", "即热水壶", "Kettle", "kitchen"),
                ("kitchen_cooker", "chunmi.cooker.eh1", "电饭煲", "Rice cooker", "kitchen"),
                ("kitchen_plug", "cuco.plug.cp5pro", "厨房插线板", "Kitchen power strip", "kitchen"),
                ("kitchen_motion", "lumi.sensor_motion.v2", "厨房人体传感器", "Kitchen motion sensor", "kitchen"),
                ("door_lock", "miot.door.06131", "智能门锁", "Door lock", "door"),
                ("door_contact", "isa.magnet.dw2hl", "门磁", "Door sensor", "door"),
                ("door_camera", "isa.camera.hlc7", "门厅摄像头", "Hall camera", "door"),
                ("door_light", "cuco.light.sl4a", "门厅灯", "Hall light", "door"),
                ("balcony_washer", "mibx5.washer.v7", "洗衣机", "Washing machine", "balcony"),
                ("balcony_airer", "lumi.airer.acn02", "晾衣机", "Clothes airer", "balcony"),
            )
        )
    ),
)


def many(count: int, seed: int, library: SpecLibrary) -> tuple[SampleThing, ...]:
    """`count` things, going round all models that can be read, in an order that follows from `seed`."""
    models = [model for model in library.models() if any(prop.readable for prop in library.get(model).properties())]
    return _of_models(Random(seed).sample(models, len(models)), count)  # noqa: S311  a simulation


def of_models(models: tuple[str, ...], count: int) -> tuple[SampleThing, ...]:
    return _of_models(list(models), count)


def _of_models(models: list[str], count: int) -> tuple[SampleThing, ...]:
    rooms = SAMPLE.rooms
    return tuple(
        SampleThing(
            id=f"thing_{place + 1}",
            did=str(_FIRST_DID + 1_000_000 + place),
            model=model,
            zh=f"设备 {place + 1}",
            en=f"Thing {place + 1}",
            room=rooms[place % len(rooms)].id,
        )
        for place, model in ((place, models[place % len(models)]) for place in range(count))
    )
