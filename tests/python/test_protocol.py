"""The constants that both ends of the bridge share: ``tests/unit/bridge/protocol_test.ts`` reads the same fixture."""

import ast
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "python"))

from aimodellib._bridge import exchange, frames, ledger, memory, parts, times
from aimodellib.metrics import _family


def test_the_constants_equal_those_of_the_fixture():
    fixture = json.loads((ROOT / "tests/fixtures/protocol.json").read_text(encoding="utf-8"))
    assert {
        "protocol": frames.PROTOCOL_VERSION,
        "kinds": {name: getattr(frames, name) for name in fixture["kinds"]},
        "headerBytes": frames.HEADER_SIZE,
        "maxMetadataBytes": frames.MAX_METADATA,
        "tooOld": too_old(),
        "firstCredit": parts.FIRST_CREDIT,
        "ledger": {
            "started": ledger._STARTED * 4,
            "pending": ledger._PENDING * 4,
            "answersRead": ledger._ANSWERS_READ * 4,
            "requestsRead": ledger._REQUESTS_READ * 4,
            "recalled": ledger._RECALLED * 4,
            "answers": ledger.ANSWERS,
        },
        "exchange": {
            "slots": exchange.SLOTS,
            "slotBytes": exchange.SLOT_SIZE,
            "minBodyBytes": exchange.MIN_BODY,
        },
        "memory": {
            "shared": memory.SHARED,
            "requestSlots": memory.REQUEST_SLOTS,
            "answerSlots": memory.ANSWER_SLOTS,
            "slotBytes": memory.SLOT_SIZE,
            "slotsStart": memory.SLOTS_START,
            "answerRoom": memory.ANSWER_ROOM,
        },
        "seconds": times.SECONDS,
        "sizes": times.SIZES,
        "scriptMetrics": {"metrics": _family.MAX_METRICS, "series": _family.MAX_SERIES},
    } == fixture
    assert list(frames.KINDS) == sorted(fixture["kinds"].values())


def too_old():
    """The exit code on an old Python. ``__main__`` can't be imported: it would run."""
    tree = ast.parse((ROOT / "python/aimodellib/_bridge/__main__.py").read_text(encoding="utf-8"))
    assignments = (node for node in ast.walk(tree) if isinstance(node, ast.Assign))
    values = [node.value for node in assignments if [getattr(target, "id", "") for target in node.targets] == ["TOO_OLD"]]
    return ast.literal_eval(values[0])
