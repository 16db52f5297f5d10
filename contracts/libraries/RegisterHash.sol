// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Work} from "../../interfaces/ICopyrightRegistry.sol";

/// @title EIP-712 struct hash of a registration by signature
library RegisterHash {
    bytes32 private constant WORK_TYPE =
        keccak256("Work(bytes32 workHash,bytes32 release,uint8 visibility,address payout)");

    bytes32 private constant REGISTER_TYPE = keccak256(
        "Register(address author,Work[] works,bytes32 salt,uint64 deadline)"
        "Work(bytes32 workHash,bytes32 release,uint8 visibility,address payout)"
    );

    function hash(address author, Work[] calldata works, bytes32 salt, uint64 deadline)
        internal
        pure
        returns (bytes32)
    {
        bytes32[] memory hashes = new bytes32[](works.length);
        for (uint256 i; i < hashes.length; ++i) {
            hashes[i] = keccak256(abi.encode(WORK_TYPE, works[i]));
        }
        bytes32 worksHash = keccak256(abi.encodePacked(hashes));
        return keccak256(abi.encode(REGISTER_TYPE, author, worksHash, salt, deadline));
    }
}
