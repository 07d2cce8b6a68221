# Copyright (c) 2026, the postmaster.mta contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file that was lost is refused with the way out; one that somebody edited is not; one command puts back what was written last."""

import pytest

from ansible_collections.postmaster.mta.plugins.module_utils import _change
from ansible_collections.postmaster.mta.plugins.module_utils._account import generations, history
from ansible_collections.postmaster.mta.plugins.module_utils._errors import PostmasterError, Refused
from ansible_collections.postmaster.mta.plugins.module_utils._model.host import NOTHING, Activation, File

WRITTEN = b"".join(b"parameter_%d = %d\n" % (number, number) for number in range(20))


@pytest.fixture(name="live", params=["main.cf", "sendmail.mc"])
def _live(tmp_path, monkeypatch, request):
    """A directory with one file that we have written."""
    monkeypatch.setattr(generations, "ROOT", str(tmp_path / "var"))
    monkeypatch.setattr(_change, "LOCK_DIRECTORY", str(tmp_path / "locks"))
    directory = tmp_path / "etc" / "mta"
    directory.mkdir(parents=True)
    path = directory / request.param
    path.write_bytes(b"package = 1\n")
    change(path, WRITTEN)
    return path


def change(path, content, trouble=None, **more):
    """Let a file become another on the one way through."""

    def plan():
        if trouble:
            raise trouble
        return _change.Plan(
            str(path.parent),
            _change.difference(str(path.parent), {path.name: File(content)}),
            (),
            Activation(NOTHING),
        )

    author = _change.Author("relay", more=more)
    steps = _change.Steps(plan, lambda *dummy: None, lambda stage: (), lambda kind: None, lambda: (), author)
    return _change.transact(steps, str(path.parent))


DAMAGES = {
    "empty": (b"", "empty"),
    "blank": (b"\n \n", "empty"),
    "zeros": (b"\0" * len(WRITTEN), "NUL bytes"),
    "half a line": (WRITTEN[:-3], f"only its first {len(WRITTEN) - 3} of {len(WRITTEN)} bytes are left"),
    "half of it": (b"parameter_0 = 0\n", "only its first 16 of"),
    "gone": (None, "gone"),
}


@pytest.mark.parametrize("name", DAMAGES)
@pytest.mark.parametrize("trouble", [None, PostmasterError("cannot be read")])
def test_a_loss_is_refused_with_the_way_out(live, name, trouble):
    content, what = DAMAGES[name]
    live.write_bytes(content) if content is not None else live.unlink()
    with pytest.raises(Refused) as refused:
        change(live, WRITTEN + b"more = 1\n", trouble)
    assert str(live) + ": " in str(refused.value) and what in str(refused.value)
    assert "undo with to: 1" in str(refused.value) and "undo -e undo_to=1" in str(refused.value)
    assert (live.read_bytes() if live.exists() else None) == content
    change(live, history.contents(str(live.parent), 1)[live.name], state=1)
    assert live.read_bytes() == WRITTEN


def test_a_directory_in_the_place_of_a_file_is_named(live):
    live.unlink()
    live.mkdir()
    with pytest.raises(Refused, match="not a file"):
        change(live, WRITTEN, PostmasterError("Is a directory"))


@pytest.mark.parametrize(
    "edited", [WRITTEN[: WRITTEN.rindex(b"parameter_19")], WRITTEN + b"more = 1\n", b"other = 1\n", WRITTEN.upper()]
)
def test_an_edit_is_no_loss(live, edited):
    """The last lines removed, a line more, another file, another spelling."""
    live.write_bytes(edited)
    change(live, WRITTEN)
    assert live.read_bytes() == WRITTEN


def test_what_fails_for_another_reason_keeps_its_sentence(live):
    with pytest.raises(PostmasterError, match="cannot be read"):
        change(live, WRITTEN, PostmasterError("cannot be read"))


def test_an_empty_file_that_we_have_never_written_is_refused_as_well(live):
    other = live.parent / "other.cf"
    other.write_bytes(b"")
    with pytest.raises(Refused, match="other.cf: empty.*put the file back first"):
        change(other, b"a = 1\n")
    table = live.parent / "access"
    table.write_bytes(b"")
    change(table, b"a.example REJECT\n")


def test_of_the_state_of_now_only_what_was_lost_comes_back(live):
    change(live.parent / "access", b"a.example REJECT\n")
    assert history.contents(str(live.parent), 2) == {}
    live.write_bytes(b"other = 1\n")
    assert history.contents(str(live.parent), 2) == {live.name: WRITTEN}
    # Who goes further back expects what the generations between have replaced, and nothing else.
    assert history.contents(str(live.parent), 1) == {"access": None}
