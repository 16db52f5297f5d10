// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What was played of one certificate, ever, on one account.
/// @param certificate The certificate.
/// @param plays Plays so far.
/// @param amount What they cost so far, base units of the account's token.
struct Entry {
    bytes32 certificate;
    uint64 plays;
    uint128 amount;
}

/// @notice What a device says was played; signed by it (EIP-712):
/// `Statement(address listener,address token,Entry[] entries)Entry(bytes32 certificate,uint64 plays,uint128 amount)`.
/// @param listener Who pays. The account is (listener, the device that signed, token).
/// @param token What in; zero is ETH.
/// @param entries At most 256, any subset of what was played, each cumulative for its account and certificate.
struct Statement {
    address listener;
    address token;
    Entry[] entries;
}

/// @notice A statement and its device's signature.
/// @param statement What was signed.
/// @param signature ECDSA: 65 bytes, or 64 of ERC-2098.
struct SignedStatement {
    Statement statement;
    bytes signature;
}

/// @notice What an entry added.
/// @param certificate The certificate.
/// @param plays Plays more than were recorded before.
/// @param amount Base units more than were recorded before.
/// @param payout Whose it is now: the certificate's payout of this moment, or else its owner.
struct Usage {
    bytes32 certificate;
    uint64 plays;
    uint128 amount;
    address payout;
}

/// @notice Why an entry was skipped; of several reasons the first of this list.
/// @param UnknownCertificate There is no such certificate.
/// @param NotMore Its plays or its amount are less than recorded, or both are the same.
/// @param BalanceTooLow The account does not hold the increase.
enum Skip {
    UnknownCertificate,
    NotMore,
    BalanceTooLow
}

/// @notice Why a whole statement was rejected; of several reasons the first of this list.
/// @param TooManyEntries It has more than 256 entries.
/// @param InvalidSignature Nobody's ECDSA signature.
enum Rejection {
    TooManyEntries,
    InvalidSignature
}

/// @title Pay per play
/// @notice Listeners deposit for a device key; the device signs, as it plays, what was played so far; anyone records
/// such statements, which moves money from the account to the certificates' payouts; anyone releases it to them.
///
/// An account is (listener, device key, token). Its deposit is the most that the device can spend. There is no other
/// authorisation and no expiry: a listener revokes a device by taking the money back. The wait before that is for what was
/// played to be recorded; it binds no listener who plays, with the device, a certificate of their own. Statements are cumulative and
/// only grow, for each account and certificate: to record one again changes nothing, a later one includes the earlier.
///
/// Recorded amounts accrue to the payout of that moment, and nothing moves them afterwards. The contract has no owner, no
/// pause and no upgrade, and takes no fee. A token that does not move exactly what it is told harms only those who use it.
///
/// Also answers ERC-5267 (`eip712Domain`, name `Immurtal`, version `1`; statements are signed for this contract).
interface IStreamingEscrow {
    /*//////////////////////////////////////////////////////////////////////////
                                       EVENTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Emitted when an account is funded.
    /// @param listener Of the account.
    /// @param device Of the account.
    /// @param token Of the account; zero is ETH.
    /// @param from Who paid.
    /// @param amount What arrived, base units.
    event Deposited(
        address indexed listener, address indexed device, address indexed token, address from, uint256 amount
    );

    /// @notice Emitted when a listener asks for money back; it replaces what was asked before.
    /// @param listener Of the account.
    /// @param device Of the account.
    /// @param token Of the account.
    /// @param amount Base units; 0 takes an earlier request back.
    /// @param from Seconds since 1970 from which on it can be withdrawn; 0 if the amount is 0.
    /// @param until Seconds since 1970 until which it can, that second included; 0 if the amount is 0.
    event WithdrawalRequested(
        address indexed listener,
        address indexed device,
        address indexed token,
        uint128 amount,
        uint64 from,
        uint64 until
    );

    /// @notice Emitted when a listener takes money back.
    /// @param listener Of the account.
    /// @param device Of the account.
    /// @param token Of the account.
    /// @param to Who received it.
    /// @param amount Base units.
    event Withdrawn(
        address indexed listener, address indexed device, address indexed token, address to, uint256 amount
    );

    /// @notice Emitted once for a statement of which anything was taken, with what each entry that was taken added.
    /// @param listener Of the account.
    /// @param device Of the account: who signed.
    /// @param token Of the account.
    /// @param usages In the entries' order.
    event UsageRecorded(address indexed listener, address indexed device, address indexed token, Usage[] usages);

    /// @notice Emitted for each entry that was not taken. One that the balance did not cover stays claimable.
    /// @param listener Of the account.
    /// @param device Of the account: who signed.
    /// @param token Of the account.
    /// @param certificate The entry's certificate.
    /// @param reason Why.
    event EntrySkipped(
        address indexed listener, address indexed device, address indexed token, bytes32 certificate, Skip reason
    );

    /// @notice Emitted for a statement of which nothing could be looked at.
    /// @param index Its position in the call, from 0.
    /// @param reason Why.
    event StatementRejected(uint256 index, Rejection reason);

    /// @notice Emitted when what accrued is paid out.
    /// @param payout Who was paid.
    /// @param token What in; zero is ETH.
    /// @param amount Base units.
    event Released(address indexed payout, address indexed token, uint256 amount);

    /*//////////////////////////////////////////////////////////////////////////
                                       ERRORS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Thrown when a deposit's listener or device is zero.
    error StreamingEscrow_ZeroAccount();

    /// @notice Thrown when the ETH that came along is not exactly the amount, or comes along with a token.
    error StreamingEscrow_WrongPayment(uint256 expected, uint256 received);

    /// @notice Thrown when nothing arrived, as far as the token says: one whose balance cannot be read brings nothing.
    error StreamingEscrow_NothingDeposited();

    /// @notice Thrown when an account would hold 2^128 base units or more.
    /// @param balance What it would hold, base units, at most 2^256 - 1.
    error StreamingEscrow_DepositTooLarge(uint256 balance);

    /// @notice Thrown when there is no contract at the token's address.
    error StreamingEscrow_TokenHasNoCode(address token);

    /// @notice Thrown when there is no request, or it lapsed.
    error StreamingEscrow_NoRequest(address listener, address device, address token);

    /// @notice Thrown when a request is younger than a day.
    /// @param from Seconds since 1970 from which on it can be withdrawn.
    error StreamingEscrow_TooEarly(uint64 from);

    /// @notice Thrown when the account is empty.
    error StreamingEscrow_NothingToWithdraw(address listener, address device, address token);

    /// @notice Thrown when money would be sent to the zero address.
    error StreamingEscrow_ZeroRecipient();

    /// @notice Thrown when no more than the 1 base unit that stays has accrued.
    error StreamingEscrow_NothingToRelease(address payout, address token);

    /// @notice Thrown when somebody does not take their ETH, or when this contract would be paid itself; it stays
    /// claimable. (A token that does not move reverts with Solady's `TransferFailed()`.)
    error StreamingEscrow_PaymentFailed(address to, uint256 amount);

    /*//////////////////////////////////////////////////////////////////////////
                                 STATE-CHANGING FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Funds an account, by anyone, with ETH that comes along or a token by the caller's allowance.
    /// @dev Emits {Deposited}. What arrived is credited: for a token, the growth of this contract's balance.
    ///
    /// Requirements:
    /// - Listener and device are not zero.
    /// - The ETH that comes along is exactly `amount`, or nothing for a token.
    /// - A token has code and moves; something arrives; the account stays below 2^128 base units.
    ///
    /// @param listener Who may take it back.
    /// @param device Whose signatures spend it.
    /// @param token What in; zero is ETH.
    /// @param amount Base units.
    function deposit(address listener, address device, address token, uint256 amount) external payable;

    /// @notice Asks for money of the caller's account back: a day later, and for a day, {withdraw} pays it. From now
    /// until then it is not {available} for new plays, while {record} may still take what was played before. A new
    /// request replaces the one before and begins the day anew.
    /// @dev Emits {WithdrawalRequested}.
    /// @param device Of the account.
    /// @param token Of the account.
    /// @param amount Base units, also more than the account holds: {withdraw} pays what is there. 0 takes the request
    /// back.
    function requestWithdrawal(address device, address token, uint128 amount) external;

    /// @notice Pays what the caller asked for, or what of it the account still holds. The request ends with it.
    /// @dev Emits {Withdrawn}.
    ///
    /// Requirements:
    /// - The caller's request is at least a day and at most two days old, both seconds included.
    /// - The account is not empty, and the recipient not zero.
    /// - The recipient takes it: all gas is theirs.
    ///
    /// @param device Of the account.
    /// @param token Of the account.
    /// @param to Who receives it.
    function withdraw(address device, address token, address to) external;

    /// @notice Records what was played; anyone may send it. An entry is taken if its certificate exists, its plays and
    /// its amount are at least those recorded, one of them more, and the account holds the increase. Entries are looked
    /// at in order, also several of one certificate; one that is not taken is skipped whole; what the balance does not
    /// cover stays claimable. No well encoded statement reverts, and none harms another.
    /// @dev Emits {EntrySkipped} for each entry skipped, then {UsageRecorded} if any was taken; {StatementRejected} for
    /// a statement that was not looked at. Unlike {deposit}, {withdraw} and {release}, which refuse to be entered again
    /// (Solady's `Reentrancy()`), it also works while another call of this contract goes on. A signature by anybody is
    /// looked at: an account without money pays nothing.
    /// @param statements Statements and their devices' signatures.
    function record(SignedStatement[] calldata statements) external;

    /// @notice Pays what accrued to a payout, but 1 base unit that stays; anyone may send it. A royalty split of
    /// {factory} is distributed in the same call. What cannot be paid stays, as does what accrued to this contract
    /// itself.
    /// @dev Emits {Released}.
    ///
    /// Requirements:
    /// - More than 1 base unit has accrued.
    /// - The payout takes it: all gas is theirs.
    ///
    /// @param payout Whose it is.
    /// @param token What in; zero is ETH.
    function release(address payout, address token) external;

    /*//////////////////////////////////////////////////////////////////////////
                                   READ-ONLY FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice The certificates that are played.
    /// @return Address of the CopyrightRegistry.
    function registry() external view returns (address);

    /// @notice Whose royalty splits {release} distributes.
    /// @return Address of the RoyaltySplitFactory.
    function factory() external view returns (address);

    /// @notice What an account holds and what of it is asked back. Never reverts.
    /// @param listener Of the account.
    /// @param device Of the account.
    /// @param token Of the account.
    /// @return balance Base units.
    /// @return requested Base units of the last request that was not paid, lapsed or not; 0 for none.
    /// @return requestedAt Seconds since 1970 of that request; 0 for none.
    function accountOf(address listener, address device, address token)
        external
        view
        returns (uint128 balance, uint128 requested, uint64 requestedAt);

    /// @notice What an account holds for new plays: its balance, less what a request that has not lapsed asks back.
    /// Never reverts.
    /// @param listener Of the account.
    /// @param device Of the account.
    /// @param token Of the account.
    /// @return Base units.
    function available(address listener, address device, address token) external view returns (uint128);

    /// @notice What was recorded on an account for a certificate, ever. Never reverts.
    /// @param listener Of the account.
    /// @param device Of the account.
    /// @param token Of the account.
    /// @param certificate The certificate.
    /// @return plays Plays.
    /// @return amount Base units.
    function recordedOf(address listener, address device, address token, bytes32 certificate)
        external
        view
        returns (uint64 plays, uint128 amount);

    /// @notice What has accrued to a payout and was not released, the 1 base unit that stays included. Never reverts.
    /// @param payout The payout.
    /// @param token What in; zero is ETH.
    /// @return Base units.
    function accruedOf(address payout, address token) external view returns (uint256);
}
