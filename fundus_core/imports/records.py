"""What an importer hands over: a photograph as a file's bytes, or why there is none."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field

_HEX_DIGITS = 16
_LONGEST_KEY = 64


@dataclass(frozen=True, slots=True)
class ImportedPhotograph:
    """A photograph on its way into a folder."""

    data: bytes
    """Content of the file to write."""

    suffix: str
    """Of that file, in lower case, with its dot."""

    about: Mapping[str, str]
    """Columns of its row; blank ones are left out."""


@dataclass(frozen=True, slots=True)
class RefusedPhotograph:
    """A file or row that was not taken over."""

    name: str
    """Relative to the source."""

    reason: str
    """One sentence for the user, without anything that identifies a patient."""


Outcome = ImportedPhotograph | RefusedPhotograph


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Stable names for patients, which nobody without the secret can trace back.

    Hospital numbers are short: a plain hash of one is found again by trying them all. BLAKE2b with
    a secret key is not.
    """

    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
    """By default drawn at random, and so forgotten with this object."""

    def of(self, identifier: str) -> str:
        """Returns the pseudonym of an identifier: equal ones get equal pseudonyms.

        Examples:
            >>> names = Pseudonyms(b"kept in the hospital")
            >>> names.of("4711") == names.of("4711"), names.of("4711") == names.of("4712")
            (True, False)
        """
        key = self.secret
        if len(key) > _LONGEST_KEY:
            key = hashlib.blake2b(key).digest()
        digest = hashlib.blake2b(identifier.strip().encode(), key=key).hexdigest()
        return f"p{digest[:_HEX_DIGITS]}"
