"""Reads DICOM files as photographs, without what identifies the patient.

Only pixels, a pseudonym, eye, age in years, sex and the camera's model are taken over: no name, no
number, no date, no private element. The order of a patient's visits is kept as a number.

References:
    DICOM PS3.3, C.8.17 (ophthalmic photography) and C.7.6.3 (pixel description).
"""

import io
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fundus_core.errors import DataError
from fundus_core.imports.records import ImportedPhotograph, Outcome, Pseudonyms, RefusedPhotograph
from fundus_core.io.image_headers import MAX_BYTES, MAX_PIXELS
from fundus_core.io.pixel_formats import BROKEN_FILE_ERRORS

if TYPE_CHECKING:
    from pydicom import Dataset

_PREAMBLE, _MAGIC = 128, b"DICM"
_OLDEST = 120
"""Years; `000Y` and `999Y` stand for an age that is not known."""

_EYES = {"R": "OD", "L": "OS"}
_RARE = "Decoders of some rarer compressions are not installed with this program."

_DEFLATED = "1.2.840.10008.1.2.1.99"
"""Transfer syntax of files that are one zlib stream; a megabyte of it may unpack to a gigabyte."""

_BROKEN = (*BROKEN_FILE_ERRORS, MemoryError)
"""What pydicom raises of a data set that lacks an element, contradicts itself or is no data set."""

_IDENTITY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientAge", "PatientSex"),
    *("IssuerOfPatientID", "StudyDate", "ContentDate", "AcquisitionDateTime"),
    *("ImageLaterality", "Laterality", "ManufacturerModelName", "BurnedInAnnotation"),
    *("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames", "Modality"),
)


@dataclass(frozen=True, slots=True)
class _Header:
    """What is read of a file before its pixels are."""

    path: Path
    number: str
    """`PatientID`; used for the pseudonym alone, as is the issuer. Empty if there is none."""

    issuer: str
    """Who gave the number; empty if the file does not say."""

    date: str
    about: dict[str, str]


def is_dicom(path: Path) -> bool:
    """Says whether a file begins as DICOM files do."""
    try:
        if not path.is_file():  # a pipe would be waited for
            return False
        with path.open("rb") as file:
            return file.read(_PREAMBLE + len(_MAGIC))[_PREAMBLE:] == _MAGIC
    except OSError:
        return False


def dicom_photographs(
    paths: Sequence[Path],
    root: Path,
    pseudonyms: Pseudonyms,
    *,
    allow_burned_in: bool = False,
    remark: Callable[[str], None] = lambda sentence: None,
) -> Iterator[Outcome]:
    """Yields the photographs of DICOM files, one outcome per file.

    A patient is a number and who issued it. A number without an issuer is taken for that of the
    only issuer that other files name with it: as two patients, one could be on both sides of a
    split.

    Args:
        paths: Files for which `is_dicom` holds.
        root: Folder that names in messages are relative to.
        pseudonyms: Stand in for the patients' identifiers.
        allow_burned_in: Take over photographs whose file says that text is drawn into them.
        remark: Told, in sentences with counts alone, where a patient was guessed or is in doubt.

    Raises:
        DataError: If pydicom is not installed.
    """
    _require_pydicom()
    headers: list[_Header] = []
    for path in paths:
        header = _header(path, root, allow_burned_in=allow_burned_in)
        if isinstance(header, RefusedPhotograph):
            yield header
        else:
            headers.append(header)
    patients = _patients(headers)
    for sentence in _remarks(headers):
        remark(sentence)
    visits = _visits(headers, patients)
    for header, patient in zip(headers, patients, strict=True):
        visit = visits.get((patient, header.date))
        known = {"patient_id": pseudonyms.of(patient)} if patient else {}
        yield _photograph(
            header, root, {**known, **({} if visit is None else {"visit": str(visit)})}
        )


def _require_pydicom() -> None:
    try:
        import pydicom  # noqa: F401
    except ImportError as error:
        raise DataError(
            "DICOM files are read by pydicom, which is not installed.",
            hint="Install it: pip install pydicom, or this program with [dicom].",
        ) from error


def _header(path: Path, root: Path, *, allow_burned_in: bool) -> _Header | RefusedPhotograph:
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError
    from pydicom.filereader import read_file_meta_info

    name = _name(path, root)
    if path.stat().st_size > MAX_BYTES:
        return RefusedPhotograph(
            name, f"It has {path.stat().st_size:,} bytes; at most {MAX_BYTES:,} are read."
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about values that break the standard, with the values
            if read_file_meta_info(path).get("TransferSyntaxUID") == _DEFLATED:
                return RefusedPhotograph(name, "It is compressed as a whole; save it unpacked.")
            found = dcmread(path, stop_before_pixels=True, specific_tags=list(_IDENTITY))
            reason = _why_not(found, allow_burned_in=allow_burned_in)
            if reason:
                return RefusedPhotograph(name, reason)
            date = _text(found, "AcquisitionDateTime") or _text(found, "ContentDate")
            return _Header(
                path,
                _text(found, "PatientID"),
                _text(found, "IssuerOfPatientID"),
                (date or _text(found, "StudyDate"))[:8],
                _about(found),
            )
    except (InvalidDicomError, BytesLengthException, *_BROKEN):
        return RefusedPhotograph(name, "Its header is broken.")


def _why_not(found: "Dataset", *, allow_burned_in: bool) -> str:
    """Returns why a file is no photograph that may be taken over; empty where it is one."""
    if "Rows" not in found or "Columns" not in found:
        return "It holds no picture."
    n_pixels = int(found.Rows) * int(found.Columns)
    if n_pixels > MAX_PIXELS:
        return f"It has {n_pixels:,} pixels; at most {MAX_PIXELS:,} are read."
    n_frames = int(found.get("NumberOfFrames") or 1)
    if n_frames != 1:
        return f"It has {n_frames} frames; a photograph has one."
    if _text(found, "BurnedInAnnotation").upper() == "YES" and not allow_burned_in:
        return (
            "It says that text is drawn into the picture, which may name the patient "
            "(--allow-burned-in takes it over all the same)."
        )
    return ""


def _about(found: "Dataset") -> dict[str, str]:
    laterality = _text(found, "ImageLaterality") or _text(found, "Laterality")
    age = _text(found, "PatientAge")
    years = age[:-1].lstrip("0") if age.endswith("Y") and age[:-1].isdecimal() else ""
    years = years if years and int(years) <= _OLDEST else ""
    known = {
        "eye": _EYES.get(laterality.upper(), ""),
        "age": years,
        "sex": {"M": "male", "F": "female"}.get(_text(found, "PatientSex").upper(), ""),
        "camera": _text(found, "ManufacturerModelName"),
    }
    return {name: value for name, value in known.items() if value}


def _patients(headers: Sequence[_Header]) -> list[str]:
    """Returns whose each photograph is, as issuer and number; empty where it is not known."""
    issuers = _issuers(headers)
    patients = []
    for header in headers:
        known = issuers[header.number]
        issuer = next(iter(known)) if len(known) == 1 else header.issuer
        patients.append(f"{issuer}\n{header.number}" if header.number else "")
    return patients


def _issuers(headers: Sequence[_Header]) -> dict[str, set[str]]:
    """Returns number -> all who issued it; a number that only comes without issuer has none."""
    issuers: dict[str, set[str]] = defaultdict(set)
    for header in headers:
        issuers[header.number] |= {header.issuer} - {""}
    return issuers


def _remarks(headers: Sequence[_Header]) -> list[str]:
    """Returns what to know of numbers that come both with an issuer and without."""
    issuers = _issuers(headers)
    without = [header.number for header in headers if header.number and not header.issuer]
    n_counted = sum(len(issuers[number]) == 1 for number in without)
    n_doubtful = sum(len(issuers[number]) > 1 for number in set(without))
    remarks = []
    if n_counted:
        remarks.append(
            f"Photographs without an issuer of the patient's number that were counted as the only "
            f"issuer's named with it: {n_counted}. Imported without that issuer's files, the same "
            "secret gives them other pseudonyms."
        )
    if n_doubtful:
        remarks.append(
            f"Patients' numbers that come with several issuers and also with none: {n_doubtful}. "
            "Those with none are patients of their own here, and may be one of the others."
        )
    return remarks


def _visits(headers: Sequence[_Header], patients: Sequence[str]) -> dict[tuple[str, str], int]:
    """Returns (patient, date) -> the number of the visit, from 1, where both are known."""
    dates: dict[str, set[str]] = defaultdict(set)
    for header, patient in zip(headers, patients, strict=True):
        if patient and header.date:
            dates[patient].add(header.date)
    return {
        (patient, date): number
        for patient, known in dates.items()
        for number, date in enumerate(sorted(known), start=1)
    }


def _photograph(header: _Header, root: Path, more: dict[str, str]) -> Outcome:
    from PIL import Image
    from pydicom import dcmread
    from pydicom.errors import BytesLengthException, InvalidDicomError

    name = _name(header.path, root)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pixels = _rgb(dcmread(header.path))
    # pydicom's word for a compression that no decoder at hand knows.
    except NotImplementedError:
        return RefusedPhotograph(name, f"It is compressed in an unknown way. {_RARE}")
    except (RuntimeError, InvalidDicomError, BytesLengthException, OSError, EOFError):
        return RefusedPhotograph(name, f"Its pixels cannot be decoded. {_RARE}")
    except _BROKEN:
        return RefusedPhotograph(name, "Its pixels are cut short, or not as its header says.")
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return ImportedPhotograph(file.getvalue(), ".png", {**header.about, **more})


def _rgb(found: "Dataset") -> NDArray[np.uint8]:
    """Returns the picture as RGB (H, W, 3), whatever its colours are stored as."""
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    kind = str(found.PhotometricInterpretation)
    _require_announced_size(found)
    pixels: NDArray[Any] = pixel_array(found)
    if kind == "PALETTE COLOR":
        pixels = apply_color_lut(pixels, found)
        bits = int(found.RedPaletteColorLookupTableDescriptor[2])
    else:
        bits = int(found.BitsStored)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(f"A picture of shape {pixels.shape} is no photograph.")
    eight = _eight_bits(pixels, bits, signed=bool(found.get("PixelRepresentation", 0)))
    if kind == "MONOCHROME1":
        eight = np.uint8(255) - eight
    return np.ascontiguousarray(eight if eight.ndim == 3 else np.repeat(eight[..., None], 3, 2))


def _require_announced_size(found: "Dataset") -> None:
    """Raises ValueError if a compressed picture is larger than the header says; decodes nothing."""
    from PIL import ImageFile, Jpeg2KImagePlugin, JpegImagePlugin
    from pydicom.encaps import get_frame

    if not found.file_meta.TransferSyntaxUID.is_compressed:
        return
    frame = get_frame(found.PixelData, 0, number_of_frames=1)
    openers: dict[bytes, type[ImageFile.ImageFile]] = {
        b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
        b"\xff\x4f\xff": Jpeg2KImagePlugin.Jpeg2KImageFile,
        b"\0\0\0": Jpeg2KImagePlugin.Jpeg2KImageFile,
    }
    opener = openers.get(frame[:3])
    if opener is not None and opener(io.BytesIO(frame)).size != (found.Columns, found.Rows):
        raise ValueError("The compressed picture is not of the size that the header says.")


def _eight_bits(pixels: NDArray[Any], bits: int, *, signed: bool) -> NDArray[np.uint8]:
    """Returns values of some bits as 8-bit ones: the largest that can be stored becomes 255."""
    if bits == 8 and not signed:
        return pixels.astype(np.uint8)
    offset = 1 << (bits - 1) if signed else 0
    scaled = (pixels.astype(np.float64) + offset) * (255 / ((1 << bits) - 1))
    return np.clip(np.round(scaled), 0, 255).astype(np.uint8)


def _text(found: "Dataset", keyword: str) -> str:
    return str(found.get(keyword) or "").strip()


def _name(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
