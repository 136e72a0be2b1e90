# SPDX-License-Identifier: Apache-2.0
"""The Core Business Vocabulary 2.0 as data: which words exist, and the ways to write each.

A word is written bare in JSON (``shipping``), as a URN in XML (``urn:epcglobal:cbv:bizstep:
shipping``), as a web URI (``https://ref.gs1.org/cbv/BizStep-shipping``) or as a CURIE over one of
those namespaces. Organisations may add words of their own in their own namespaces, never in GS1's.

Source: GS1 CBV 2.0 sections 7.1 to 7.7; GS1 Web Vocabulary (measurement and alert types).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

CBV_WEB: Final = "https://ref.gs1.org/cbv/"
GS1_WEB: Final = "https://gs1.org/voc/"
_CBV_WEBS: Final = (CBV_WEB, "https://ns.gs1.org/cbv/", "http://ns.gs1.org/cbv/")
_GS1_WEBS: Final = (GS1_WEB, "https://www.gs1.org/voc/", "https://ref.gs1.org/voc/",
                    "http://gs1.org/voc/", "http://www.gs1.org/voc/")  # fmt: skip


def words(text: str) -> frozenset[str]:
    """Return the words of ``text``, a table written as prose."""
    return frozenset(text.split())


BUSINESS_STEPS: Final = words(
    """accepting arriving assembling collecting commissioning consigning creating_class_instance
    cycle_counting decommissioning departing destroying disassembling dispensing encoding
    entering_exiting holding inspecting installing killing loading other packing picking receiving
    removing repackaging repairing replacing reserving retail_selling sampling sensor_reporting
    shipping staging_outbound stock_taking stocking storing transporting unloading unpacking
    void_shipping"""
)
DISPOSITIONS: Final = words(
    """active available completeness_inferred completeness_verified conformant container_closed
    container_open damaged destroyed dispensed disposed encoded expired in_progress in_transit
    inactive mismatch_class mismatch_instance mismatch_quantity needs_replacement no_pedigree_match
    non_conformant non_sellable_other partially_dispensed recalled reserved retail_sold returned
    sellable_accessible sellable_not_accessible stolen unavailable unknown"""
)
# Words that CBV 1.x had and 2.0 dropped: in a 1.2 document they are right.

DISPOSITIONS_1: Final = words(
    """non_sellable_expired non_sellable_damaged non_sellable_disposed
    non_sellable_no_pedigree_match non_sellable_recalled"""
)
TRANSACTION_TYPES: Final = words(
    "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt"
)
PARTY_TYPES: Final = frozenset({"owning_party", "possessing_party", "location"})
ERROR_REASONS: Final = frozenset({"did_not_occur", "incorrect_data"})
COMPONENTS: Final = words(
    """x y z axial_distance azimuth height spherical_radius polar_angle elevation_angle easting
    northing latitude longitude altitude"""
)
ALERT_TYPES: Final = frozenset({"ALARM_CONDITION", "ERROR_CONDITION"})
MEASUREMENT_TYPES: Final = words(
    """AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
    AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area
    Capacitance Conductance Conductivity Count Density Dimensionless DoseEquivalent
    DoseEquivalentRate DynamicViscosity ElectricCharge ElectricCurrent ElectricCurrentDensity
    ElectricFieldStrength Energy Exposure Force Frequency Illuminance Inductance Irradiance
    KinematicViscosity Length LinearMomentum Luminance LuminousFlux LuminousIntensity MagneticFlux
    MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate
    MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power
    Pressure RadiantFlux RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity
    SolidAngle SpecificVolume Speed SurfaceDensity SurfaceTension Temperature Time Torque Voltage
    Volume VolumeFlowRate VolumeFraction VolumetricFlux Wavenumber"""
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One vocabulary: its words, the URN stem and the web stem that they are written under."""

    name: str
    words: frozenset[str]
    urn: str
    web: str
    older_words: frozenset[str] = frozenset()


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("bizStep", BUSINESS_STEPS, "urn:epcglobal:cbv:bizstep:", CBV_WEB + "BizStep-"),
        Kind("disposition", DISPOSITIONS, "urn:epcglobal:cbv:disp:", CBV_WEB + "Disp-",
             DISPOSITIONS_1),
        Kind("bizTransactionType", TRANSACTION_TYPES, "urn:epcglobal:cbv:btt:", CBV_WEB + "BTT-"),
        Kind("sourceDestType", PARTY_TYPES, "urn:epcglobal:cbv:sdt:", CBV_WEB + "SDT-"),
        Kind("errorReason", ERROR_REASONS, "urn:epcglobal:cbv:er:", CBV_WEB + "ER-"),
        Kind("component", COMPONENTS, "", CBV_WEB + "Comp-"),
        Kind("measurementType", MEASUREMENT_TYPES, "", GS1_WEB),
        Kind("sensorAlertType", ALERT_TYPES, "", GS1_WEB),
    )
}  # fmt: skip

Standing = Literal["known", "older", "own", "foreign", "unknown", "bare"]


@dataclass(frozen=True, slots=True)
class Term:
    """What a value of a vocabulary field stands for.

    ``uri`` is the web URI in full, or the value itself. ``word`` is the bare word where the value
    lies in GS1's namespace, else the value. ``standing``: ``known`` and ``older`` words exist;
    ``own`` is another organisation's URI; ``foreign`` lies in GS1's namespace but outside this
    vocabulary's stem; ``unknown`` is a word that does not exist; ``bare`` one without namespace.
    ``written``: ``word``, ``urn``, ``web`` or ``curie``.
    """

    uri: str
    word: str
    standing: Standing
    written: str


# Prefixes that the GS1 context declares for everybody; documents may declare more. It ends cbvmda
# with a colon, where the XML binding does not: without it, both bindings give one event hash.
DEFAULT_PREFIXES: Final[dict[str, str]] = {
    "cbv": CBV_WEB, "gs1": GS1_WEB, "epcis": "https://ref.gs1.org/epcis/",
    "cbvmda": "urn:epcglobal:cbv:mda", "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#", "xsd": "http://www.w3.org/2001/XMLSchema#",
    "dcterms": "http://purl.org/dc/terms/",
}  # fmt: skip


@lru_cache(maxsize=16_384)
def read_term(name: str, value: str) -> Term:
    """Return what ``value`` means as a word of vocabulary ``name``."""
    kind = KINDS[name]
    written = "web"
    uri = value
    if ":" not in value:
        if value in kind.words:
            return Term(kind.web + value, value, "known", "word")
        return Term(value, value, "bare", "word")
    if value.startswith(("cbv:", "gs1:")):
        prefix, _, rest = value.partition(":")
        uri, written = DEFAULT_PREFIXES[prefix] + rest, "curie"
    if uri.startswith("urn:epcglobal:cbv:"):
        stem = bool(kind.urn) and uri.startswith(kind.urn)
        word = uri.rpartition(":")[2]
        standing = _standing(kind, word) if stem else "unknown"
        return Term(kind.web + word if stem else uri, word, standing, "urn")
    uri = _canonical_web(uri)
    if kind.web.startswith(CBV_WEB) and uri.startswith(CBV_WEB):
        if not uri.startswith(kind.web):
            return Term(uri, uri, "foreign", written)
        word = uri.removeprefix(kind.web)
        return Term(uri, word, _standing(kind, word), written)
    if kind.web == GS1_WEB and uri.startswith(GS1_WEB):
        word = uri.removeprefix(GS1_WEB)
        known = "known" if word in kind.words else "foreign"
        return Term(uri, word, known, written)  # type: ignore[arg-type]  # both are Standing
    return Term(uri, uri, "own", written)


def _standing(kind: Kind, word: str) -> Standing:
    if word in kind.words:
        return "known"
    return "older" if word in kind.older_words else "unknown"


def _canonical_web(uri: str) -> str:
    """Write GS1's namespaces in their present spelling."""
    for stem in _CBV_WEBS:
        if uri.startswith(stem):
            return CBV_WEB + uri[len(stem) :]
    for stem in _GS1_WEBS:
        if uri.startswith(stem):
            return GS1_WEB + uri[len(stem) :]
    return uri


def expand_curie(value: str, prefixes: Mapping[str, str]) -> str:
    """Write out a CURIE whose prefix the document declares; other values stay as they are."""
    prefix, colon, rest = value.partition(":")
    if colon and not rest.startswith("//") and prefix in prefixes:
        return prefixes[prefix] + rest
    return value
