# SPDX-License-Identifier: Apache-2.0
"""Published signatures of each suite, written out: the standards' own numbers, no file needed."""

from hashlib import sha512

import pytest

from hanse.crypto import SM3, _p256, _sm2, suite_named
from hanse.crypto.signers import from_private
from hanse_verify.sm2 import sm3, sm3_in_python, verify_sm2
from hanse_verify.suites import verify_ed25519

LONG_MESSAGE = """
08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12ee50f8f54e9f77b1
e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37c93a1b270b20329d
658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc1a858efcb8550ee3a5e1998bd177e93a
7363c344fe6b199ee5d02e82d522c4feba15452f80288a821a579116ec6dad2b3b310da903401aa62100ab5d1a36553e
06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573cb116dbefefd75499da96bd68a8a97b928a8bbc10
3b6621fcde2beca1231d206be6cd9ec7aff6f6c94fcd7204ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed1
85ce81bd84359d44254d95629e9855a94a7c1958d1f8ada5d0532ed8a5aa3fb2d17ba70eb6248e594e1a2297acbbb39d
502f1a8c6eb6f1ce22b3de1a1f40cc24554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f270
88d78b7e883c8759d2c4f5c65adb7553878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089b
eccf80cfe2df16a2cf65bd92dd597b0707e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128ba
b27af87a71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51addd3b75a2b1ae0784504df543af8969b
e3ea7082ff7fc9888c144da2af58429ec96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9b47acdb7
51fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c42f58c30c04aafdb038dda0847dd988d
cda6f3bfd15c4b4c4525004aa06eeff8ca61783aacec57fb3d1f92b0fe2fd1a85f6724517b65e614ad6808d6f6ee34df
f7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08d78ff4ef5d63653a65040cf9bfd4aca7
984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e2ab47b57f7f7276cd419c17a3ca8e1b939ae49e4
88acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d5011fd2dcc5600a32ef5b52a1ecc820e308aa342721aac09
43bf6686b64b2579376504ccc493d97e6aed3fb0f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5f
b93246f6b1116398a346f1a641f3b041e989f7914f90cc2c7fff357876e506b50d334ba77c225bc307ba537152f3f161
0e4eafe595f6d9d90d11faa933a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380d
b2eaaa707b4c4185c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef68d3a101e8a3b8ca
c60c905c15fc910840b94c00a0b9d0
"""
# RFC 8032 section 7.1: secret key, public key, message, signature
RFC_8032 = {
    "TEST 1": (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    "TEST 2": (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    "TEST 3": (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
    "TEST 1024": (
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        LONG_MESSAGE,
        (
            "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350"
            "aa5371b1508f9f4528ecea23c436d94b5e8fcd4f681e30a6ac00a9704a188a03"
        ),
    ),
    "TEST SHA(abc)": (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        sha512(b"abc").hexdigest(),
        (
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
            "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"
        ),
    ),
}
# RFC 6979 appendix A.2.5, P-256 with SHA-256: message, r, s
RFC_6979_KEY = "c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"
RFC_6979_X = "60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
RFC_6979 = {
    b"sample": (
        "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
        "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
    ),
    b"test": (
        "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
        "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
    ),
}
# NIST CAVP, FIPS 186-4 SigGen, [P-256,SHA-256], first case: message, Qx, Qy, R, S
NIST = (
    (
        "5905238877c77421f73e43ee3da6f2d9e2ccad5fc942dcec0cbd25482935faaf"
        "416983fe165b1a045ee2bcd2e6dca3bd"
        "f46c4310a7461f9a37960ca672d3feb5473e253605fb1ddfd28065b53cb5858a"
        "8ad28175bf9bd386a5e471ea7a65c17c"
        "c934a9d791e91491eb3754d03799790fe2d308d16146d5c9b0d0debd97d79ce8"
    ),
    "1ccbe91c075fc7f4f033bfa248db8fccd3565de94bbfb12f3c59ff46c271bf83",
    "ce4014c68811f9a21a1fdb2c0e6113e06db7ca93b7404e78dc7ccd5ca89a4ca9",
    "f3ac8061b514795b8843e3d6629527ed2afd6b1f6a555a7acabb5e6f79c8c2ac",
    "8bf77819ca05a6b2786c76262bf7371cef97b218e96f175a3ccdda2acc058903",
)
# GB/T 32918.5-2017 annex A.2
GBT_32918_D = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
GBT_32918_X = "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020"
GBT_32918_Y = "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13"
GBT_32918_E = 0xF0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640
GBT_32918_K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
GBT_32918_R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
GBT_32918_S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA


@pytest.mark.parametrize("name", RFC_8032)
def test_ed25519_gives_the_signatures_of_rfc_8032(name):
    private, public, message, signature = (bytes.fromhex(text) for text in RFC_8032[name])
    signer = from_private("ed25519-sha256", private)
    assert signer.public_key == public
    assert signer.sign(message) == signature
    assert signer.suite.is_signature_valid(public, message, signature)
    assert verify_ed25519(public, message, signature)
    assert not signer.suite.is_signature_valid(public, message + b"\0", signature)


@pytest.mark.parametrize("message", RFC_6979)
def test_p256_gives_the_signatures_of_rfc_6979_with_the_low_s(message):
    signer = from_private("p256-sha256", bytes.fromhex(RFC_6979_KEY))
    assert signer.public_key.hex() == "03" + RFC_6979_X
    r, s = (int(text, 16) for text in RFC_6979[message])
    published = r.to_bytes(32) + s.to_bytes(32)
    low = r.to_bytes(32) + min(s, _p256.N - s).to_bytes(32)
    assert signer.sign(message) == low
    assert signer.suite.is_signature_valid(signer.public_key, message, low)
    is_low = s <= _p256.S_MAX
    assert is_low is (message == b"test")  # the other one is high: a case for each verdict
    assert signer.suite.is_signature_valid(signer.public_key, message, published) is is_low


def test_p256_accepts_the_low_twin_of_the_nist_signature_and_refuses_the_other():
    message, x, y, r, s = (bytes.fromhex(text) for text in NIST)
    suite = suite_named("p256-sha256")
    key = bytes([2 | y[-1] & 1]) + x
    twin = (_p256.N - int.from_bytes(s)).to_bytes(32)
    assert suite.is_public_key_valid(key)
    assert suite.is_signature_valid(key, message, r + twin)
    assert not suite.is_signature_valid(key, message, r + s)


def test_sm2_gives_the_signature_of_gbt_32918_5():
    public = (int(GBT_32918_X, 16), int(GBT_32918_Y, 16))
    assert _sm2.multiply_base(GBT_32918_D) == public
    assert _sm2.digest_of(public, b"message digest") == GBT_32918_E
    assert _sm2.sign_digest(GBT_32918_D, GBT_32918_E, GBT_32918_K) == (GBT_32918_R, GBT_32918_S)


def test_both_verifiers_accept_the_signature_of_gbt_32918_5():
    key = bytes.fromhex("03" + GBT_32918_X)
    assert from_private("sm2-sm3", GBT_32918_D.to_bytes(32)).public_key == key
    signature = GBT_32918_R.to_bytes(32) + GBT_32918_S.to_bytes(32)
    for verify in (suite_named("sm2-sm3").is_signature_valid, verify_sm2):
        assert verify(key, b"message digest", signature)
        assert not verify(key, b"message digests", signature)
        assert not verify(b"\x02" + key[1:], b"message digest", signature)


@pytest.mark.parametrize("hasher", [SM3, sm3, sm3_in_python])
def test_sm3_gives_both_examples_of_gbt_32905_2016(hasher):
    assert hasher(b"abc").hex() == (
        "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    )
    assert hasher(b"abcd" * 16).hex() == (
        "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    )
