"""Where and when a network is reported: `[output]`, `[schedule]` and `[mirror]`, wrong in one place each."""

from __future__ import annotations

from pathlib import Path

import pytest
from network.three_clinics import GOOD, wrong


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "months = 6",
            'months = 6\n[output]\ndirectory = "."',
            'line 34: [output] directory must be one that holds nothing else; leave it out for "output"',
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "rw-r--r--"',
            'line 34: [output] mode = \'rw-r--r--\' is not as chmod writes it; write "0644" or "0640"',
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "0666"',
            "line 34: [output] mode = '0666' lets everybody change what was published; write \"0644\"",
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "0755"',
            "line 34: [output] mode = '0755' makes files executable; "
            "directories are entered by whoever may read",
        ),
        (
            "months = 6",
            'months = 6\n[output]\nmode = "0444"',
            "line 34: [output] mode = '0444' does not let the user who reports read and write; begin with 06",
        ),
        (
            "months = 6",
            'months = 6\n[output]\nurl = "reports.example"',
            "line 34: [output] url = 'reports.example' is no web address; "
            "write it as https://reports.example/network",
        ),
        (
            "months = 6",
            'months = 6\n[schedule]\ncron = "monthly"',
            "line 34: [schedule] cron = 'monthly' is not a schedule; "
            'write it as cron does: "0 6 3 * *" is the 3rd, at 6:00',
        ),
        (
            "months = 6",
            'months = 6\n[schedule]\ncron = "0 6 31 2 *"',
            "line 34: [schedule] cron = '0 6 31 2 *' is not a schedule; "
            'write it as cron does: "0 6 3 * *" is the 3rd, at 6:00',
        ),
        (
            "months = 6",
            "months = 6\n[schedule.complete]\nwait_hours = 24",
            "line 33: [schedule.complete] nothing says when records are complete; give select or "
            "share_of_last, or leave the table out",
        ),
        (
            "months = 6",
            "months = 6\n[schedule.complete]\nshare_of_last = 80",
            "line 34: [schedule.complete] share_of_last must be at most 1.0, and is 80",
        ),
        (
            "months = 6",
            'months = 6\n[schedule.complete]\nshare_of_last = 0.8\nat_deadline = "wait"',
            "line 35: [schedule.complete] at_deadline = 'wait' is not one of report, hold",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\nparts = ["feed"]',
            'line 33: [mirror] names no target; write targets = ["s3://bucket/folder"], or leave the table '
            "out",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a"]\nparts = []',
            'line 35: [mirror] parts is empty; leave it out for all, or write parts = ["feed"]',
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a"]\nparts = ["page", "feed"]',
            "line 35: [mirror] the page links to feed and reports; name all three, or leave out page",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a", "."]',
            "line 34: [mirror] targets, value 2, is no folder of its own; name one that holds nothing else",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["https://reports.example/north"]',
            "line 34: [mirror] targets, value 1, cannot be written to over HTTP; write a folder or "
            "s3://bucket/folder",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["a", "a"]',
            "line 34: [mirror] targets, value 2, stands there twice",
        ),
        (
            "months = 6",
            'months = 6\n[mirror]\ntargets = ["s3://${1}/a"]',
            "line 34: [mirror] targets, value 1, has a ${ that names no environment variable; write ${NAME}",
        ),
    ],
)
def test_one_thing_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert wrong(tmp_path, GOOD.replace(old, new)) == [said]
