// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title A royalty split: shares what it receives among payees, for ever the same (DESIGN 4.3)
/// @notice Payees and shares stand in the contract's code; nobody can change them. ETH is `address(0)`.
/// @dev Every function that moves value reverts with Solady's `Reentrancy()` when it is entered again.
/// Laws, for tokens that move exactly what they are told: received = paid + credited + waiting, to the
/// wei; what is paid and credited together is exactly proportional to the shares after every transaction.
/// A chain whose native coin is also an ERC-20 token (Celo), or a token with two addresses,
/// breaks them: credits in one would be money in the other.
/// ETH may be sent plainly, with more than the 2,300 gas of Solidity's `transfer`; it waits for `distribute`.
interface IRoyaltySplit {
    /// @notice Everything that could be shared was shared.
    /// @param amount Paid and credited together, base units.
    event Distributed(address indexed token, uint256 amount);

    /// @notice A payee could not be paid, or had a credit open already; `amount` is what was added to it.
    event Credited(address indexed token, address indexed payee, uint256 amount);

    /// @notice The whole credit of `payee` was paid to `to`.
    event Withdrawn(address indexed token, address indexed payee, address indexed to, uint256 amount);

    /// @notice Thrown when a payee or a token could not be given its full 100,000 gas: send more gas.
    error RoyaltySplit_TooLittleGas();

    /// @notice Thrown when there is nothing to withdraw.
    error RoyaltySplit_NoCredit(address token, address payee);

    /// @notice Thrown when a withdrawal could not be paid; the credit stays.
    error RoyaltySplit_TransferFailed(address token, address to, uint256 amount);

    /// @notice Thrown when a credit should be sent to the zero address.
    error RoyaltySplit_ZeroRecipient();

    /// @notice Shares the balance among the payees, as far as it divides exactly; the rest waits.
    /// @dev unit = (balance − open credits) / (10,000 / g), g the greatest common divisor of the shares;
    /// a payee gets unit × share / g. At unit 0, which includes a balance that cannot be read in 100,000
    /// gas or is below the open credits, nothing happens. Each payment has 100,000 gas, checked to be
    /// there; a payee who cannot be paid so, or who has a credit open, is credited. Reverts only for
    /// want of gas or on re-entry. ETH sent along with another token waits.
    /// @param token ERC-20 token, or zero for ETH.
    function distribute(address token) external payable;

    /// @notice Pays the whole credit of `payee` to `payee`, with all gas. Anyone may call.
    function withdraw(address token, address payee) external;

    /// @notice Pays the caller's whole credit to `to`, with all gas.
    function withdrawTo(address token, address to) external;

    /// @notice Payees in ascending order, and their shares in basis points, 10,000 together.
    function payees() external view returns (address[] memory accounts, uint16[] memory shares);

    /// @notice What `payee` can withdraw, base units.
    function creditOf(address token, address payee) external view returns (uint256);

    /// @notice The sum of all credits in `token`, base units.
    function totalCredit(address token) external view returns (uint256);
}
