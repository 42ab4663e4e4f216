"""The one exception tree, by cause.

::

    KeyworksError
    ├── RequestError              the request is at fault; repeating it unchanged will not help
    │   ├── MalformedRequest      bytes that are not what the RFC says
    │   ├── BadProofOfPossession  the request does not prove that the key is the requester's
    │   ├── BadSubjectKey         a weak, malformed or unwanted key
    │   ├── RejectedName          a name that may not be certified
    │   ├── StaleTime             a time outside the window
    │   ├── Replayed              seen before
    │   ├── BadSignature          a signature that does not verify
    │   └── NotFound              there is no such label, path or object
    ├── AuthenticationFailed      who asks is not proven
    │   └── InvalidPath           no certification path to a trust anchor
    ├── NotAuthorized             who asks is proven, and may not
    │   └── QuotaExceeded         ... any more
    ├── OperatorError             what an operator typed or configured cannot be done
    │   └── Overtaken             somebody else has changed it meanwhile
    ├── Unavailable               not now; ``retry_after`` says when
    │   └── DatabaseLost          ... because the database is gone, whatever is asked of it
    └── InternalError             our fault
        ├── LintFailed            we were about to sign something that breaks a rule
        └── IntegrityFailure      what we stored does not verify

Protocol adapters translate these to their own codes, each in one table; nothing else does.
"""

from datetime import timedelta


class KeyworksError(Exception):
    """Any failure with a known cause.

    Args:
        detail: One sentence that says what is wrong and what to do; safe to send to a stranger.
        private: What only our own log may hold.
    """

    def __init__(self, detail: str, *, private: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.private = private


class RequestError(KeyworksError):
    """The request is at fault."""


class MalformedRequest(RequestError):
    """Bytes that are not what the RFC says."""


class BadProofOfPossession(RequestError):
    """The request does not prove that the key is the requester's."""


class BadSubjectKey(RequestError):
    """A weak, malformed or unwanted key."""


class RejectedName(RequestError):
    """A name that may not be certified."""


class StaleTime(RequestError):
    """A time outside the window."""


class Replayed(RequestError):
    """Seen before."""


class BadSignature(RequestError):
    """A signature that does not verify."""


class NotFound(RequestError):
    """There is no such label, path or object."""


class AuthenticationFailed(KeyworksError):
    """Who asks is not proven."""


class InvalidPath(AuthenticationFailed):
    """No certification path to a trust anchor."""


class NotAuthorized(KeyworksError):
    """Who asks is proven, and may not."""


class QuotaExceeded(NotAuthorized):
    """Who asks has had as much as is allowed."""


class OperatorError(KeyworksError):
    """What an operator typed or configured cannot be done."""


class Overtaken(OperatorError):
    """Somebody else has changed it meanwhile."""


class Unavailable(KeyworksError):
    """Not now.

    Args:
        detail: What is not available.
        retry_after: When it is worth asking again, counted from now.
        private: What only our own log may hold.
    """

    def __init__(
        self, detail: str, *, retry_after: timedelta = timedelta(seconds=5), private: str = ""
    ) -> None:
        super().__init__(detail, private=private)
        self.retry_after = retry_after


class DatabaseLost(Unavailable):
    """The database is gone, whatever is asked of it: nothing submitted together can be tried apart."""


class InternalError(KeyworksError):
    """Our fault."""


class LintFailed(InternalError):
    """We were about to sign something that breaks a rule."""


class IntegrityFailure(InternalError):
    """What we stored does not verify."""
