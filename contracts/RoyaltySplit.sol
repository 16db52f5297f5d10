// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LibClone} from "solady/utils/LibClone.sol";
import {ReentrancyGuardTransient} from "solady/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IRoyaltySplit} from "../interfaces/IRoyaltySplit.sol";
import {SplitArgs} from "./libraries/SplitArgs.sol";

contract RoyaltySplit is IRoyaltySplit, ReentrancyGuardTransient {
    using SplitArgs for bytes;

    /// @dev What a payee, or a token, may spend while a distribution calls it.
    uint256 private constant CALL_GAS = 100_000;

    /// @dev Gas that must be left before such a call, so that it gets all of CALL_GAS: 64/63 of it, which
    /// is 101,588 (EIP-150), and at most 39,200 for the call itself: a cold account with a cold delegate
    /// (EIP-7702), value, a new account.
    uint256 private constant GAS_BEFORE_CALL = 142_000;

    /*//////////////////////////////////////////////////////////////
                                 STORAGE
        slot 0  token => sum of its credits, base units
        slot 1  token => payee => credit, base units
        The sum is kept because payments must not loop over payees to know what is theirs.
    //////////////////////////////////////////////////////////////*/

    mapping(address token => uint256) private _totalCredit;
    mapping(address token => mapping(address payee => uint256)) private _credit;

    receive() external payable {}

    /// @inheritdoc IRoyaltySplit
    function distribute(address token) external payable nonReentrant {
        bytes memory args = LibClone.argsOnClone(address(this));
        uint256 parts = args.parts();
        uint256 open = _totalCredit[token];
        uint256 balance = _balance(token);
        if (balance < open) return;

        // No sum here exceeds the balance: weights sum to `parts`, and credits to `open`.
        unchecked {
            uint256 unit = (balance - open) / parts;
            if (unit == 0) return;

            uint256 credited;
            uint256 count = args.count();
            for (uint256 i; i < count; ++i) {
                (address payee, uint256 weight) = args.at(i);
                uint256 amount = unit * weight;
                if ((open != 0 && _credit[token][payee] != 0) || !_push(token, payee, amount)) {
                    _credit[token][payee] += amount;
                    credited += amount;
                    emit Credited(token, payee, amount);
                }
            }
            if (credited != 0) _totalCredit[token] = open + credited;
            emit Distributed(token, unit * parts);
        }
    }

    /// @inheritdoc IRoyaltySplit
    function withdraw(address token, address payee) external nonReentrant {
        _withdraw(token, payee, payee);
    }

    /// @inheritdoc IRoyaltySplit
    function withdrawTo(address token, address to) external nonReentrant {
        require(to != address(0), RoyaltySplit_ZeroRecipient());
        _withdraw(token, msg.sender, to);
    }

    /// @inheritdoc IRoyaltySplit
    function payees() external view returns (address[] memory accounts, uint16[] memory shares) {
        bytes memory args = LibClone.argsOnClone(address(this));
        uint256 divisor = SplitArgs.BASIS_POINTS / args.parts();
        uint256 count = args.count();
        accounts = new address[](count);
        shares = new uint16[](count);
        for (uint256 i; i < count; ++i) {
            uint256 weight;
            (accounts[i], weight) = args.at(i);
            shares[i] = uint16(weight * divisor);
        }
    }

    /// @inheritdoc IRoyaltySplit
    function creditOf(address token, address payee) external view returns (uint256) {
        return _credit[token][payee];
    }

    /// @inheritdoc IRoyaltySplit
    function totalCredit(address token) external view returns (uint256) {
        return _totalCredit[token];
    }

    /// @dev The credit falls before value leaves.
    function _withdraw(address token, address payee, address to) private {
        uint256 amount = _credit[token][payee];
        require(amount != 0, RoyaltySplit_NoCredit(token, payee));
        _credit[token][payee] = 0;
        unchecked {
            _totalCredit[token] -= amount;
        }
        require(_send(token, to, amount, gasleft()), RoyaltySplit_TransferFailed(token, to, amount));
        emit Withdrawn(token, payee, to, amount);
    }

    /// @dev Without the check, a gas estimate would end at the smallest limit that skips every payee.
    function _push(address token, address payee, uint256 amount) private returns (bool) {
        require(gasleft() >= GAS_BEFORE_CALL, RoyaltySplit_TooLittleGas());
        return _send(token, payee, amount, CALL_GAS);
    }

    function _send(address token, address to, uint256 amount, uint256 gasLimit) private returns (bool) {
        return token == address(0)
            ? SafeTransferLib.trySafeTransferETH(to, amount, gasLimit)
            : _tryTransfer(token, to, amount, gasLimit);
    }

    /// @dev ERC-20 `transfer` with a gas limit: done if it returns true, or, from a contract, nothing.
    /// Reads one word of what is returned, however much it is; less than a word leaves that word's last
    /// byte, a zero of the call's data, as it was.
    function _tryTransfer(address token, address to, uint256 amount, uint256 gasLimit) private returns (bool done) {
        assembly ("memory-safe") {
            mstore(0x14, to)
            mstore(0x34, amount)
            mstore(0x00, 0xa9059cbb000000000000000000000000) // transfer(address,uint256)
            done := call(gasLimit, token, 0, 0x10, 0x44, 0x00, 0x20)
            if done {
                switch returndatasize()
                case 0 { done := iszero(iszero(extcodesize(token))) }
                default { done := eq(mload(0x00), 1) }
            }
            mstore(0x34, 0) // the part of the free memory pointer that was overwritten
        }
    }

    /// @dev 0 if the token does not say.
    function _balance(address token) private view returns (uint256 amount) {
        if (token == address(0)) return address(this).balance;
        require(gasleft() >= GAS_BEFORE_CALL, RoyaltySplit_TooLittleGas());
        assembly ("memory-safe") {
            mstore(0x14, address())
            mstore(0x00, 0x70a08231000000000000000000000000) // balanceOf(address)
            let read := staticcall(CALL_GAS, token, 0x10, 0x24, 0x00, 0x20)
            if and(read, gt(returndatasize(), 0x1f)) { amount := mload(0x00) }
        }
    }

    /// @dev Solady keeps to storage off mainnet by default; every chain that runs this has EIP-1153.
    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }
}
