// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Entry, Statement} from "../../interfaces/IStreamingEscrow.sol";

/// @title EIP-712 struct hash of a play statement
library StatementHash {
    bytes32 private constant ENTRY_TYPE = keccak256("Entry(bytes32 certificate,uint64 plays,uint128 amount)");

    bytes32 private constant STATEMENT_TYPE = keccak256(
        "Statement(address listener,address token,Entry[] entries)"
        "Entry(bytes32 certificate,uint64 plays,uint128 amount)"
    );

    function hash(Statement calldata statement) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(STATEMENT_TYPE, statement.listener, statement.token, _hashEntries(statement.entries)));
    }

    /// @dev An entry is three words of calldata, as wide as what is hashed of it: `ENTRY_TYPE ‖ entry`. Whoever reads its
    /// fields checks their widths; here a wrong one only gives the hash of something that nobody signed.
    function _hashEntries(Entry[] calldata entries) private pure returns (bytes32 result) {
        bytes32 entryType = ENTRY_TYPE;
        assembly ("memory-safe") {
            let encoded := mload(0x40) // one entry after the other is written here
            let hashes := add(encoded, 0x80) // and its hash behind
            mstore(encoded, entryType)
            let from := entries.offset
            let size := shl(5, entries.length)
            for { let end := add(hashes, size) } lt(hashes, end) { hashes := add(hashes, 0x20) } {
                calldatacopy(add(encoded, 0x20), from, 0x60)
                mstore(hashes, keccak256(encoded, 0x80))
                from := add(from, 0x60)
            }
            result := keccak256(sub(hashes, size), size)
        }
    }
}
