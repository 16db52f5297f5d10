// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {MockERC20} from "./MockERC20.sol";

/// @dev Transfers to marked accounts go wrong, in the way that each token below has.
abstract contract MarkingToken is MockERC20 {
    mapping(address account => bool) public marked;

    function mark(address account, bool value) external {
        marked[account] = value;
    }
}

/// @dev Returns nothing, as USDT does on mainnet.
contract MissingReturnToken is MockERC20 {
    function transfer(address to, uint256 amount) public override returns (bool) {
        super.transfer(to, amount);
        assembly {
            return(0, 0)
        }
    }
}

/// @dev Returns false instead of reverting.
contract FalseReturnToken is MarkingToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        return !marked[to] && super.transfer(to, amount);
    }
}

/// @dev Returns true in one byte, which is no boolean.
contract ShortReturnToken is MarkingToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        if (!marked[to]) return super.transfer(to, amount);
        assembly {
            mstore8(0, 1)
            return(0, 1)
        }
    }
}

/// @dev Reverts, as USDC does for accounts on its list.
contract BlocklistToken is MarkingToken {
    error BlocklistToken_Blocked(address account);

    function transfer(address to, uint256 amount) public override returns (bool) {
        require(!marked[to], BlocklistToken_Blocked(to));
        return super.transfer(to, amount);
    }
}

/// @dev Returns as much as 100,000 gas can hold.
contract ReturnBombToken is MarkingToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        if (!marked[to]) return super.transfer(to, amount);
        assembly {
            revert(0, 170000)
        }
    }
}

/// @dev Burns all the gas it gets.
contract GasBurningToken is MarkingToken {
    function transfer(address to, uint256 amount) public override returns (bool) {
        if (!marked[to]) return super.transfer(to, amount);
        assembly {
            invalid()
        }
    }
}

/// @dev Refuses to transfer, and to tell a balance, unless it gets nearly all of 100,000 gas.
contract HungryToken is MockERC20 {
    error HungryToken_TooLittleGas(uint256 gas);

    modifier hungry() {
        require(gasleft() > 99_000, HungryToken_TooLittleGas(gasleft()));
        _;
    }

    function balanceOf(address account) public view override hungry returns (uint256) {
        return super.balanceOf(account);
    }

    function transfer(address to, uint256 amount) public override hungry returns (bool) {
        return super.transfer(to, amount);
    }
}

/// @dev Keeps 1 % of every transfer.
contract FeeToken is MockERC20 {
    function transfer(address to, uint256 amount) public override returns (bool) {
        uint256 fee = amount / 100;
        _burn(msg.sender, fee);
        return super.transfer(to, amount - fee);
    }
}

/// @dev Takes 1 % from the sender on top: the sender's balance falls by more than it was told.
contract ToppingFeeToken is MockERC20 {
    function transfer(address to, uint256 amount) public override returns (bool) {
        _burn(msg.sender, amount / 100);
        return super.transfer(to, amount);
    }
}

/// @dev Its `balanceOf` can be broken in several ways.
contract UnreadableToken is MockERC20 {
    enum Fault {
        None,
        Reverts,
        BurnsGas,
        ReturnsNothing,
        ReturnsHalfWord,
        ReturnsAll
    }

    Fault public fault;

    function setFault(Fault value) external {
        fault = value;
    }

    function balanceOf(address account) public view override returns (uint256) {
        if (fault == Fault.None) return super.balanceOf(account);
        if (fault == Fault.ReturnsAll) return type(uint256).max;
        if (fault == Fault.Reverts) revert("no balance");
        bool burns = fault == Fault.BurnsGas;
        bool empty = fault == Fault.ReturnsNothing;
        assembly {
            if burns { invalid() }
            if empty { return(0, 0) }
            mstore(0, not(0))
            return(0, 16)
        }
    }
}

/// @dev Calls `target` with `data` before each transfer to a marked account.
contract ReenteringToken is MarkingToken {
    address public target;
    bytes public data;
    bytes public answer;

    function aim(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function transfer(address to, uint256 amount) public override returns (bool) {
        if (marked[to]) (, answer) = target.call(data);
        return super.transfer(to, amount);
    }
}
