// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev What is used here of the cheats that halmos answers.
interface Cheats {
    function assume(bool condition) external pure;
    function deal(address account, uint256 balance) external;
    function warp(uint256 time) external;
    function prank(address sender) external;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
}

/// @dev Base of the proofs. halmos makes every argument of a `check_` function symbolic: the function holds if no value
/// of its arguments reaches a failing `assert`. A revert ends a path without a failure, so each proof asserts that the
/// calls it is about return.
abstract contract Symbolic {
    Cheats internal constant vm = Cheats(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    address internal constant ETH = address(0);
}
