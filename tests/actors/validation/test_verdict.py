from actors.validation.verdict import Bench, document, passed, table

BENCH = Bench("1 ingestion")
GOOD = BENCH.judge("no gaps", "none", good=True, gaps=0)
BAD = BENCH.judge("volumes above 0", "3 without", good=False, without_volume=3)
LEFT = BENCH.leave("memory", "no /proc here")


def test_passed_is_who_has_something_that_holds_and_nothing_that_does_not() -> None:
    assert passed([GOOD, LEFT])
    assert not passed([GOOD, BAD])
    assert not passed([LEFT])
    assert not passed([])


def test_table_has_a_row_each_and_counts_them() -> None:
    lines = table([GOOD, BAD, LEFT]).splitlines()

    cells = [[cell.strip() for cell in line.split("|")] for line in lines if "|" in line]
    assert cells == [
        ["test", "criterion", "found", "result"],
        ["1 ingestion", "no gaps", "none", "pass"],
        ["", "volumes above 0", "3 without", "fail"],
        ["", "memory", "no /proc here", "n/a"],
    ]
    assert lines[-1] == "FAIL: 1 pass, 1 fail, 1 n/a"


def test_long_words_are_wrapped_within_their_column() -> None:
    long = BENCH.judge("no gaps", "one of them here, " * 20, good=True)

    lines = table([long]).splitlines()

    assert max(len(line) for line in lines) < 100
    assert sum("one of them" in line for line in lines) > 3


def test_document_has_the_figures_as_numbers() -> None:
    (found,) = document([BAD])

    assert found == {
        "test": "1 ingestion",
        "criterion": "volumes above 0",
        "found": "3 without",
        "result": "fail",
        "figures": {"without_volume": 3},
    }
