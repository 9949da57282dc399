"""Configuration files: private, whole, and written by many at once."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stack.texts import write_private


def test_servers_that_share_a_file_may_write_it_at_once(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "dagster.yaml"
    with ThreadPoolExecutor(8) as pool:
        for written in [pool.submit(write_private, path, "a: 1\n" * 1000) for _ in range(400)]:
            written.result()
    assert path.read_text() == "a: 1\n" * 1000
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["dagster.yaml"]
