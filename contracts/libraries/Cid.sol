// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title CIDs as text
/// @notice Writes a CIDv1 of a SHA-256 digest in base32 (multibase `b`, RFC 4648 lower case, no padding).
library Cid {
    /// @dev CIDv1, codec dag-pb (0x70), multihash SHA-256 (0x12) of 32 bytes (0x20).
    bytes4 internal constant DAG_PB = 0x01701220;

    /// @dev The same with the codec raw (0x55).
    bytes4 internal constant RAW = 0x01551220;

    bytes32 private constant ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

    /// @param prefix {DAG_PB} or {RAW}.
    /// @param digest SHA-256 digest.
    /// @return text 59 characters.
    function toText(bytes4 prefix, bytes32 digest) internal pure returns (string memory text) {
        // 36 bytes are 288 bits, so 58 characters of 5 bits with 2 bits of zero at the end. They are taken from two
        // words: 51 characters are 255 bits, and the 33 bits left with the 2 zeros are 7 more.
        uint256 first = (uint256(uint32(prefix)) << 223) | (uint256(digest) >> 33);
        uint256 last = (uint256(digest) & (2 ** 33 - 1)) << 2;
        bytes memory letters = new bytes(59);
        letters[0] = "b";
        for (uint256 i; i < 51; ++i) {
            letters[51 - i] = ALPHABET[(first >> (5 * i)) & 31];
        }
        for (uint256 i; i < 7; ++i) {
            letters[58 - i] = ALPHABET[(last >> (5 * i)) & 31];
        }
        return string(letters);
    }
}
