"""All that is fuzzed, by name."""

from tests.fuzz.checkpoints import MODEL
from tests.fuzz.feed import FEED
from tests.fuzz.state import STATE
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {target.name: target for target in (*FEED, *STATE, MODEL)}
