"""Synthetic DICOM files: ophthalmic photographs of ``assets/samples/retina.jpg`` and tomographies of drawn B-scans.

Every patient is invented. Keywords change the header: a value sets an element, None takes it out.
"""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gdcm
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

RETINA = Path(__file__).parents[1] / "assets" / "samples" / "retina.jpg"
MEAN = (159.4, 63.5, 46.1)

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
DEFLATED, BIG, RLE = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"
BASELINE, LOSSLESS, LOSSLESS_SV1 = (f"1.2.840.10008.1.2.4.{last}" for last in (50, 57, 70))
LS, LS_NEAR, J2K_LOSSLESS, J2K = (f"1.2.840.10008.1.2.4.{last}" for last in (80, 81, 90, 91))

CLASS = "1.2.840.10008.5.1.4.1.1."
OP8, OP16, OPT, OPTENF, ANALYSIS = (CLASS + "77.1.5." + last for last in "12478")
PDF = CLASS + "104.1"
SCT, SRT, DCM = "SCT", "SRT", "DCM"
FUNDUS_CAMERA, SLO, OCT_SCANNER = "409898007", "392001008", "392012008"


def written(data: Dataset, syntax: str = EXPLICIT, *, preamble: bytes = bytes(128)) -> bytes:
    """The file of a data set."""
    data.file_meta = FileMetaDataset()
    data.file_meta.MediaStorageSOPClassUID = UID(data.SOPClassUID)
    data.file_meta.MediaStorageSOPInstanceUID = UID(data.SOPInstanceUID)
    data.file_meta.TransferSyntaxUID = UID(syntax)
    data.preamble = preamble
    out = io.BytesIO()
    with warnings.catch_warnings():
        # Some files are wrong on purpose.
        warnings.simplefilter("ignore")
        dcmwrite(out, data, enforce_file_format=True)
    return out.getvalue()


def header(sop_class: str, **changes: Any) -> Dataset:
    """The elements that all these files have."""
    data = Dataset()
    data.SpecificCharacterSet = "ISO_IR 192"
    data.SOPClassUID, data.SOPInstanceUID = UID(sop_class), UID("2.25.1234567")
    data.StudyInstanceUID, data.SeriesInstanceUID = UID("2.25.12345"), UID("2.25.123456")
    data.PatientName, data.PatientID, data.IssuerOfPatientID = "Test^Synthetic", "MRN-000123", "clinic"
    data.PatientBirthDate, data.PatientSex = "19700101", "O"
    data.StudyDate, data.StudyTime = "20250310", "091500"
    data.AcquisitionDateTime, data.AccessionNumber = "20250310092130", "ACC-1"
    data.Manufacturer, data.ManufacturerModelName = "Example", "Eye One"
    data.BurnedInAnnotation = "NO"
    return changed(data, **changes)


def changed(data: Dataset, **changes: Any) -> Dataset:
    """Set or take out elements."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for keyword, value in changes.items():
            if value is None:
                delattr(data, keyword)
            else:
                setattr(data, keyword, value)
    return data


def code(value: str, scheme: str = SCT) -> list[Dataset]:
    """A sequence of one code."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, "meaning"
    return [item]


@cache
def retina(side: int = 1411) -> NDArray[np.uint8]:
    """The photograph as (side, side, 3) values."""
    with Image.open(RETINA) as image:
        return np.asarray(image.convert("RGB").resize((side, side)) if side != 1411 else image.convert("RGB"))


def photograph(**changes: Any) -> bytes:
    """A colour photograph: the JPEG file itself as the one fragment, its colours said to be YBR_FULL_422."""
    return written(_photograph(**changes), BASELINE)


def _photograph(**changes: Any) -> Dataset:
    data = header(OP8, Modality="OP", ImageLaterality="L", ImageType=["ORIGINAL", "PRIMARY", "", "COLOR"])
    data.AcquisitionDeviceTypeCodeSequence = code(FUNDUS_CAMERA)
    shape(data, 1411, 1411, samples=3, photometric="YBR_FULL_422")
    data.LossyImageCompression = "01"
    encapsulated(data, [RETINA.read_bytes()])
    return changed(data, **changes)


def shape(
    data: Dataset,
    rows: int,
    columns: int,
    *,
    samples: int = 1,
    photometric: str = "MONOCHROME2",
    bits: int = 8,
    **more: Any,
) -> None:
    """Describe pixels; ``bits`` allocated and, unless ``stored`` says otherwise, stored."""
    data.Rows, data.Columns, data.SamplesPerPixel, data.PhotometricInterpretation = rows, columns, samples, photometric
    data.BitsAllocated, data.BitsStored, data.PixelRepresentation = (
        bits,
        more.get("stored", bits),
        more.get("signed", 0),
    )
    data.HighBit = data.BitsStored - 1
    if samples > 1:
        data.PlanarConfiguration = more.get("planar", 0)


def encapsulated(data: Dataset, frames: Sequence[bytes], **how: Any) -> None:
    """Put packed frames into fragments; ``how`` as for pydicom's ``encapsulate``."""
    data.PixelData = encapsulate(list(frames), **how)
    data["PixelData"].VR = "OB"
    data["PixelData"].is_undefined_length = True


def colour(
    syntax: str = EXPLICIT, *, photometric: str = "RGB", planar: int = 0, side: int = 200, **changes: Any
) -> bytes:
    """The photograph, smaller, with its pixels stored one way or another."""
    values = retina(side)
    data = header(OP8, Modality="OP", ImageLaterality="L", AcquisitionDeviceTypeCodeSequence=code(FUNDUS_CAMERA))
    shape(data, side, side, samples=3, photometric=photometric, planar=planar)
    if photometric.startswith("YBR_FULL"):
        values = np.asarray(Image.fromarray(values).convert("YCbCr"))
    if syntax in (J2K, J2K_LOSSLESS):
        encapsulated(data, [jpeg2000(values, mct=photometric != "RGB", lossless=syntax == J2K_LOSSLESS)])
        return written(changed(data, **changes), syntax)
    if syntax == BASELINE:
        encapsulated(data, [baseline(values, keep_rgb=photometric == "RGB")])
        return written(changed(data, **changes), syntax)
    if photometric == "YBR_FULL_422":
        pairs = values.reshape(-1, 2, 3).astype(int)
        data.PixelData = (
            np.concatenate([pairs[:, :, 0], pairs[:, :, 1:].mean(axis=1)], axis=1).astype(np.uint8).tobytes()
        )
    else:
        data.PixelData = (values.transpose(2, 0, 1) if planar else values).tobytes()
    return _stored(changed(data, **changes), syntax)


def grey(
    values: NDArray[Any], syntax: str = EXPLICIT, *, sop_class: str = OP8, stored: int | None = None, **changes: Any
) -> bytes:
    """One grey picture, or several if ``values`` has three dimensions."""
    data = header(sop_class, Modality="OP", ImageLaterality="R")
    bits, signed = values.dtype.itemsize * 8, int(values.dtype.kind == "i")
    shape(data, *values.shape[-2:], bits=bits, stored=stored or bits, signed=signed)
    if values.ndim == 3:
        data.NumberOfFrames = len(values)
    data.PixelData = values.astype(values.dtype.newbyteorder(">" if syntax == BIG else "<")).tobytes()
    return _stored(changed(data, **changes), syntax)


def tomography(frames: int = 3, rows: int = 40, columns: int = 50, syntax: str = EXPLICIT, **changes: Any) -> bytes:
    """A volume of ``bscans``."""
    data = header(OPT, Modality="OPT", ImageLaterality="R", ImageType=["ORIGINAL", "PRIMARY"], NumberOfFrames=frames)
    data.AcquisitionDeviceTypeCodeSequence = code(OCT_SCANNER)
    shape(data, rows, columns)
    data.PixelData = bscans(frames, rows, columns).tobytes()
    return _stored(changed(data, **changes), syntax)


def bscans(frames: int = 3, rows: int = 40, columns: int = 50) -> NDArray[np.uint8]:
    """B-scans: a bright layer on dark speckle, one row lower from frame to frame, so that order can be told."""
    noise = np.random.default_rng(5).integers(0, 30, (frames, rows, columns))
    for index in range(frames):
        top = 3 + index * max(1, (rows - 10) // max(1, frames))
        noise[index, top : top + 4] += 180
    return noise.astype(np.uint8)


def layer(values: NDArray[np.uint8]) -> int:
    """The row in which the bright layer of a B-scan starts."""
    return int(np.argmax(values.mean(axis=1) > 120))


def lines(frames: int, columns: int = 768) -> list[Dataset]:
    """Functional groups that place each frame on a localizer: parallel, ten rows apart."""
    groups = []
    for index in range(frames):
        place, group = Dataset(), Dataset()
        place.ReferencedSOPInstanceUID = UID("2.25.99")
        place.PurposeOfReferenceCodeSequence = code("121311", DCM)
        place.ReferenceCoordinates = [100.0 + 10 * index, 0.0, 100.0 + 10 * index, float(columns)]
        place.OphthalmicImageOrientation = "LINEAR"
        group.OphthalmicFrameLocationSequence = [place]
        groups.append(group)
    return groups


def document(content: bytes, **changes: Any) -> bytes:
    """An encapsulated PDF."""
    data = header(PDF, Modality="OPV", ImageLaterality="R", MIMETypeOfEncapsulatedDocument="application/pdf")
    data.EncapsulatedDocument = content + bytes(len(content) % 2)
    return written(changed(data, **changes))


def baseline(values: NDArray[np.uint8], *, keep_rgb: bool = False) -> bytes:
    """JPEG baseline of (height, width, 3) values that are in the colours wanted already."""
    image = Image.fromarray(values)
    if not keep_rgb and values.ndim == 3:
        image = Image.frombytes("YCbCr", image.size, values.tobytes())
    out = io.BytesIO()
    image.save(out, "JPEG", quality=95, subsampling=0, keep_rgb=keep_rgb)
    return out.getvalue()


def jpeg2000(values: NDArray[Any], *, mct: bool = True, lossless: bool = True, **settings: Any) -> bytes:
    """A JPEG 2000 codestream."""
    out = io.BytesIO()
    Image.fromarray(values).save(out, "JPEG2000", no_jp2=True, mct=int(mct), irreversible=not lossless, **settings)
    return out.getvalue()


def _stored(data: Dataset, syntax: str) -> bytes:
    if syntax in (IMPLICIT, EXPLICIT, DEFLATED, BIG):
        data["PixelData"].VR = "OW" if data.BitsAllocated > 8 else "OB"
        return written(data, syntax)
    return recoded(written(data), syntax)


def recoded(file: bytes, syntax: str) -> bytes:
    """An uncompressed file with its pixels packed by GDCM."""
    with tempfile.TemporaryDirectory() as folder:
        here, there = Path(folder) / "in", Path(folder) / "out"
        here.write_bytes(file)
        reader = gdcm.ImageReader()
        reader.SetFileName(str(here))
        assert reader.Read()
        change = gdcm.ImageChangeTransferSyntax()
        change.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(syntax)))
        change.SetInput(reader.GetImage())
        assert change.Change(), syntax
        writer = gdcm.ImageWriter()
        writer.SetFileName(str(there))
        writer.SetFile(reader.GetFile())
        writer.SetImage(change.GetOutput())
        assert writer.Write()
        return there.read_bytes()
