"""Draws DICOM files as fundus cameras write them."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

OPHTHALMIC_8_BIT = "1.2.840.10008.5.1.4.1.1.77.1.5.1"
PLANTED = ("Planted^Patricia", "HOSP-4711", "19501224")
"""Name, number and date of birth that must be found nowhere afterwards."""


def picture(seed: int = 0, side: int = 96) -> NDArray[np.uint8]:
    """Returns a smooth picture (side, side, 3)."""
    y, x = np.mgrid[:side, :side] / side
    planes = (x, y, (x + y) / 2 + seed / 100)
    return np.stack([np.clip(plane * 255, 0, 255) for plane in planes], axis=-1).astype(np.uint8)


def dataset(pixels: NDArray[Any], **tags: Any) -> FileDataset:
    """Returns a photograph as a DICOM data set; tags replace or add elements, None removes one."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = OPHTHALMIC_8_BIT
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    found.SOPClassUID, found.SOPInstanceUID = OPHTHALMIC_8_BIT, meta.MediaStorageSOPInstanceUID
    found.PatientName, found.PatientID, found.PatientBirthDate = PLANTED
    found.PatientSex, found.PatientAge = "F", "061Y"
    found.StudyDate, found.ImageLaterality = "20200103", "R"
    found.Manufacturer, found.ManufacturerModelName = "Maker", "Camera 1"
    found.Modality, found.BurnedInAnnotation = "OP", "NO"
    found.Rows, found.Columns = pixels.shape[:2]
    found.SamplesPerPixel = 3 if pixels.ndim == 3 else 1
    found.PhotometricInterpretation = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
    if pixels.ndim == 3:
        found.PlanarConfiguration = 0
    bits = pixels.dtype.itemsize * 8
    found.BitsAllocated, found.BitsStored, found.HighBit = bits, bits, bits - 1
    found.PixelRepresentation = 0
    found.PixelData = pixels.tobytes()
    private = found.private_block(0x0029, "MAKER", create=True)
    private.add_new(0x01, "LO", f"operator saw {PLANTED[0]}")
    for name, value in tags.items():
        if value is None:
            delattr(found, name)
        else:
            setattr(found, name, value)
    return found


def save(found: Dataset, path: Path) -> Path:
    """Writes a data set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    found.save_as(path, enforce_file_format=True)
    return path


def as_jpeg(pixels: NDArray[np.uint8], **tags: Any) -> FileDataset:
    """Returns a photograph compressed as cameras do."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, subsampling=0)
    found = dataset(pixels, PhotometricInterpretation="YBR_FULL", **tags)
    found.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    found.PixelData = encapsulate([file.getvalue()])
    found["PixelData"].is_undefined_length = True
    return found
