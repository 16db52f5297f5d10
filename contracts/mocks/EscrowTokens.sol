// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockERC20} from "./MockERC20.sol";

/// @dev `transferFrom` that does something else, as it was told.
contract OddPullToken is MockERC20 {
    enum Fault {
        None,
        ReturnsFalse,
        ReturnsNothing,
        KeepsFee,
        MovesNothing,
        TakesFromReceiver,
        BecomesUnreadable,
        Bombs
    }

    Fault public fault;
    bool public unreadable;

    function setFault(Fault value) external {
        fault = value;
    }

    function balanceOf(address account) public view override returns (uint256) {
        require(!unreadable, "unreadable");
        return super.balanceOf(account);
    }

    function setUnreadable(bool value) external {
        unreadable = value;
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        if (fault == Fault.ReturnsFalse) return false;
        if (fault == Fault.MovesNothing) return true;
        if (fault == Fault.Bombs) {
            assembly {
                revert(0, 170000)
            }
        }
        super.transferFrom(from, to, amount);
        if (fault == Fault.KeepsFee) _burn(to, amount / 100);
        if (fault == Fault.TakesFromReceiver) _burn(to, super.balanceOf(to));
        if (fault == Fault.BecomesUnreadable) unreadable = true;
        // Readable only once it was asked before: so a reader that takes "unreadable" for nothing is cheated.
        if (fault == Fault.None && unreadable) unreadable = false;
        if (fault == Fault.ReturnsNothing) {
            assembly {
                return(0, 0)
            }
        }
        return true;
    }
}

/// @dev Calls `target` with `data` while it is pulled.
contract ReenteringPullToken is MockERC20 {
    address public target;
    bytes public data;
    bytes public answer;
    bool public called;

    function aim(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function transferFrom(address from, address to, uint256 amount) public override returns (bool) {
        (called, answer) = target.call(data);
        return super.transferFrom(from, to, amount);
    }
}
