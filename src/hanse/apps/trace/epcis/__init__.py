# SPDX-License-Identifier: Apache-2.0
"""EPCIS 2.0 and 1.2: reading, checking and hashing of trace documents.

The rooms, from the bottom: ``gs1`` (identifiers), ``vocabulary`` and ``tables`` (the standard as
data), ``canonical`` (RFC 8785, exclusive XML canonicalisation), ``model`` (findings, report,
event), ``xmltree`` (a safe XML reader), ``rules`` (one event against the tables), ``jsondoc``,
``xmldoc`` and ``queries`` (the documents around events), ``hashing`` (CBV event hash), ``typed``
(the event as the contract wants it), ``checking`` (the seven layers in order), ``convert``
(XML as JSON).
"""
