// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "solady/tokens/ERC20.sol";
import {ECDSA} from "solady/utils/ECDSA.sol";

import {ILicenseManager} from "../../interfaces/ILicenseManager.sol";
import {MarkingToken} from "./OddTokens.sol";

/// @dev What its payer, or this contract's holder, sends to a marked account goes wrong as it was told.
contract MoodyToken is MarkingToken {
    enum Mood {
        ReturnsNothing,
        ReturnsFalse,
        ReturnsOneByte,
        ReturnsTwo,
        Reverts,
        BurnsGas,
        ReturnsMuch,
        RevertsWithMuch,
        TakesFee,
        WantsAllGas
    }

    Mood public mood;

    error MoodyToken_Refuses(address to);

    function setMood(Mood value) external {
        mood = value;
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        uint256 gasGiven = gasleft();
        return super.transfer(to, _afterMood(msg.sender, to, amount, gasGiven)) && _answer(to);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        uint256 gasGiven = gasleft();
        return super.transferFrom(from, to, _afterMood(from, to, amount, gasGiven)) && _answer(to);
    }

    function _afterMood(address from, address to, uint256 amount, uint256 gasGiven) private returns (uint256) {
        if (!marked[to]) return amount;
        if (mood == Mood.Reverts) revert MoodyToken_Refuses(to);
        if (mood == Mood.WantsAllGas) require(gasGiven > 99_000, MoodyToken_Refuses(to));
        if (mood == Mood.ReturnsFalse || mood == Mood.ReturnsOneByte || mood == Mood.ReturnsTwo) return 0;
        if (mood == Mood.BurnsGas) {
            assembly {
                invalid()
            }
        }
        if (mood == Mood.RevertsWithMuch) {
            assembly {
                revert(0, 150000)
            }
        }
        if (mood == Mood.TakesFee) {
            _burn(from, amount / 100);
            return amount - amount / 100;
        }
        return amount;
    }

    function _answer(address to) private view returns (bool) {
        if (!marked[to]) return true;
        if (mood == Mood.ReturnsFalse) return false;
        uint256 size = mood == Mood.ReturnsNothing ? 0 : mood == Mood.ReturnsMuch ? 30_000 : 32;
        if (mood == Mood.ReturnsOneByte) size = 1;
        uint256 word = mood == Mood.ReturnsTwo ? 2 : 1;
        assembly {
            mstore(0x00, word)
            return(0x00, size)
        }
    }
}

/// @dev Calls `target` with `data` before it transfers to a marked account in a payer's name.
contract ReenteringSpendToken is MarkingToken {
    address public target;
    bytes public data;
    bool public succeeded;
    bytes public answer;

    function aim(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (marked[to]) (succeeded, answer) = target.call(data);
        return super.transferFrom(from, to, amount);
    }
}

/// @dev A token whose `permit` always fails.
contract PermitlessToken is MarkingToken {
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) public pure override {
        revert();
    }
}

/// @dev A wallet with code whose owner signs for it (ERC-1271).
contract SigningWallet {
    address public immutable owner;

    constructor(address owner_) {
        owner = owner_;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        return ECDSA.tryRecoverCalldata(hash, signature) == owner ? this.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @dev Buys with a token and exactly so much gas, and says what the referrer was paid. To be called, not sent.
contract TokenPurchaseProbe {
    function purchase(ILicenseManager licenses, uint256 offerId, ERC20 token, address referrer, uint256 gasLimit)
        external
        returns (bool success, uint256 paid)
    {
        token.approve(address(licenses), type(uint256).max);
        uint256 before = token.balanceOf(referrer);
        try licenses.purchase{gas: gasLimit}(offerId, msg.sender, referrer, type(uint256).max) {
            success = true;
        } catch {}
        paid = token.balanceOf(referrer) - before;
    }
}
