"""How torch's threads wait for one another: they spin for some ten microseconds, then sleep. To be said before torch is imported.

Left alone they spin for milliseconds and starve playback. Told never to spin (OMP_WAIT_POLICY=PASSIVE alone) they are put to sleep and
woken thousands of times a second by the small matrices of a recurrent net, which then takes longer on two cores than on one:
0.50 s a chunk of 10 s against 0.31 s on one thread, 0.21 s on two with this, 0.18 s when they spin as they like.
"""

import os

WAITING = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}  # the second wins over the first where OpenMP is GNU's


def wait_shortly() -> None:
    """Set it for this process, unless whoever started it said otherwise."""
    if "OMP_WAIT_POLICY" not in os.environ:
        for name, value in WAITING.items():
            os.environ.setdefault(name, value)
