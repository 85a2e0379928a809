import itertools

import pytest

from leaderboard.states import (
    CANCELLABLE,
    PART_TRANSITIONS,
    RUN_TRANSITIONS,
    SETTLED,
    SUBMISSION_TRANSITIONS,
    TransitionRefused,
    check_transition,
    draw_diagram,
)

TABLES = {"submission": SUBMISSION_TRANSITIONS, "run": RUN_TRANSITIONS, "part": PART_TRANSITIONS}
PAIRS = [(name, *pair) for name, table in TABLES.items() for pair in itertools.product(table, repeat=2)]


@pytest.mark.parametrize(("name", "start", "end"), PAIRS)
def test_every_pair_of_states_is_allowed_or_refused_as_the_table_says(name: str, start: str, end: str) -> None:
    table = TABLES[name]
    if end in table[start]:
        check_transition(table, start, end)
    else:
        with pytest.raises(TransitionRefused, match=start):
            check_transition(table, start, end)


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_state_can_be_reached(table: dict[str, tuple[str, ...]]) -> None:
    first = next(iter(table))
    reached, waiting = {first}, [first]
    while waiting:
        new = set(table[waiting.pop()]) - reached
        reached |= new
        waiting += new
    assert reached == set(table)


def test_what_can_be_cancelled_has_that_transition() -> None:
    assert {s for s, ends in SUBMISSION_TRANSITIONS.items() if "cancelled" in ends} == set(CANCELLABLE)


def test_settled_and_moving_states_make_up_all() -> None:
    assert set(SETTLED) | {"submitted", "queued", "running"} == set(SUBMISSION_TRANSITIONS)


def test_the_diagram_holds_each_transition_once() -> None:
    diagram = draw_diagram(RUN_TRANSITIONS)
    assert diagram.count("-->") == sum(len(ends) for ends in RUN_TRANSITIONS.values())
    assert "queued --> running" in diagram
