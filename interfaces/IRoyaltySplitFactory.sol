// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

interface IRoyaltySplitFactory {
    event SplitCreated(address indexed split, address[] payees, uint16[] shares);

    // errors: _PayeeCount(count), _LengthMismatch(payees, shares), _PayeesNotSorted(index) (also zero, duplicate), _ZeroShare(index), _SharesSum(sum)
    function create(address[] calldata payees, uint16[] calldata shares) external returns (address split);
    function predict(address[] calldata payees, uint16[] calldata shares) external view returns (address split);
    function isSplit(address candidate) external view returns (bool);
    function implementation() external view returns (address);
}
