"""What is shown while a run trains."""

import subprocess
import sys

TALK = """
import sys
from ups_framework.cli.display import Display

display = Display()
display.say("one")
sys.stdin.readline()
for line in ("two", "three"):
    display.say(line)
print("four", flush=True)
print("five", file=sys.stderr, flush=True)
sys.exit(7)
"""


def test_a_run_goes_on_when_nobody_reads_what_it_says() -> None:
    """As after `| head`, or Ctrl-C with `2>&1 | tee log`, which ends `tee` before the run has saved a checkpoint."""
    talk = subprocess.Popen(
        [sys.executable, "-c", TALK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert talk.stdin is not None
    assert talk.stdout is not None
    assert talk.stdout.readline().endswith(b"one\n")
    talk.stdout.close()
    talk.stdin.write(b"\n")
    talk.stdin.close()
    assert talk.wait(timeout=60) == 7
