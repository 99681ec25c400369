"""What every refusal looks like, whatever refused."""

import contextlib
from collections.abc import Iterator

import pytest
import stigg


@contextlib.contextmanager
def refused(status: int, code: str) -> Iterator[None]:
    """The block must be answered with this status and error code, in the one error shape."""
    with pytest.raises(stigg.APIStatusError) as caught:
        yield
    error = caught.value
    assert error.status_code == status, error.body
    assert error.body["error"]["code"] == code, error.body
    assert error.body["message"], "the TypeScript client shows the top-level message only"
    assert error.body["message"] == error.body["error"]["message"]
    if status == 409:
        # Without it the official clients repeat a final refusal twice.
        assert error.response.headers["x-should-retry"] == "false"
