// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title Makes royalty splits (DESIGN 4.3)
/// @notice The same payees and shares give the same address, known before the split exists and able to
/// receive money before it does. Nobody owns the factory or a split.
/// @dev Payees are 1 to 100, strictly ascending, not zero; shares are basis points, at least 1, and sum
/// to 10,000. `create` and `predict` refuse everything else with the errors below.
interface IRoyaltySplitFactory {
    /// @notice A split came to be; once for each split.
    event SplitCreated(address indexed split, address[] payees, uint16[] shares);

    /// @notice Thrown when there is no payee, or more than 100.
    error RoyaltySplitFactory_PayeeCount(uint256 count);

    /// @notice Thrown when payees and shares are not of one length.
    error RoyaltySplitFactory_LengthMismatch(uint256 payees, uint256 shares);

    /// @notice Thrown at the first payee that is not above the one before: unsorted, twice there, or zero.
    error RoyaltySplitFactory_PayeesNotSorted(uint256 index);

    /// @notice Thrown at the first payee without a share.
    error RoyaltySplitFactory_ZeroShare(uint256 index);

    /// @notice Thrown when the shares do not sum to 10,000.
    error RoyaltySplitFactory_SharesSum(uint256 sum);

    /// @notice Creates the split, or returns it if it exists. Anyone may call.
    function create(address[] calldata payees, uint16[] calldata shares) external returns (address split);

    /// @notice The address of the split, whether it exists or not.
    function predict(address[] calldata payees, uint16[] calldata shares) external view returns (address split);

    /// @notice Whether this factory created `candidate`. Never reverts.
    /// @dev Rebuilds the CREATE2 address from the arguments in the candidate's code: no storage.
    function isSplit(address candidate) external view returns (bool);

    /// @notice The code that every split runs by delegatecall; itself no split.
    function implementation() external view returns (address);
}
