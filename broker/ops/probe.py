"""Ask the web process on this machine whether it answers."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Callable
from urllib.parse import urlsplit

from ..config import Config

# Whatever HTTP_PROXY says: this machine is asked, not a proxy.
_STRAIGHT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(config: Config, seconds: float, path: str = "/livez", *, lives: Callable[[], bool] = lambda: True) -> bool:
    """Wait until the web process answers ``path`` with 200; False if it does not in time, or no longer ``lives``."""
    # By the name that people use: other names are refused.
    headers = {"Host": urlsplit(config.public_url).netloc}
    request = urllib.request.Request(f"http://127.0.0.1:{config.port}{path}", headers=headers)
    end = time.monotonic() + seconds
    while True:
        try:
            with _STRAIGHT.open(request, timeout=2.0) as answer:
                if answer.status == 200:
                    return True
        except OSError:
            pass
        if time.monotonic() > end or not lives():
            return False
        time.sleep(0.05)
