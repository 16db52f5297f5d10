// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SplitArgs} from "../../contracts/libraries/SplitArgs.sol";
import {Symbolic} from "./Symbolic.sol";

/// @dev S2, S4: what the factory writes into a split's code is what the split reads from it.
contract SplitArgsProofs is Symbolic {
    using SplitArgs for bytes;

    function encode(address[] calldata payees, uint16[] calldata shares, uint256 divisor)
        external
        pure
        returns (bytes memory)
    {
        return SplitArgs.encode(payees, shares, divisor);
    }

    /// @dev Any payees with any shares come back, their shares in units of the divisor; four stand for any number.
    function check_S4_argumentsReadAsWritten(address[4] calldata payees, uint16[4] calldata shares, uint16 divisor)
        external
        view
    {
        vm.assume(divisor != 0);
        bytes memory args = this.encode(_list(payees), _list(shares), divisor);
        assert(args.count() == 4);
        assert(args.parts() == 10_000 / uint256(divisor));
        for (uint256 i; i < 4; ++i) {
            (address payee, uint256 weight) = args.at(i);
            assert(payee == payees[i]);
            assert(weight == shares[i] / divisor);
        }
    }

    /// @dev For shares of a common divisor that sum to 10,000, the weights sum to the parts and give the shares back.
    function check_S2_weightsOfTenthousandths(uint16[3] calldata weights) external view {
        _sumToParts(weights, 1);
    }

    function check_S2_weightsOfPercents(uint16[3] calldata weights) external view {
        _sumToParts(weights, 100);
    }

    function check_S2_weightsOfQuarters(uint16[3] calldata weights) external view {
        _sumToParts(weights, 2_500);
    }

    function _sumToParts(uint16[3] calldata weights, uint256 divisor) private view {
        uint256 parts = 10_000 / divisor;
        address[] memory payees = new address[](3);
        uint16[] memory shares = new uint16[](3);
        uint256 sum;
        for (uint256 i; i < 3; ++i) {
            vm.assume(weights[i] <= parts);
            shares[i] = uint16(weights[i] * divisor);
            sum += weights[i];
        }
        vm.assume(sum == parts);
        bytes memory args = this.encode(payees, shares, divisor);
        assert(args.parts() == parts);
        for (uint256 i; i < 3; ++i) {
            (, uint256 weight) = args.at(i);
            assert(weight == weights[i]);
        }
    }

    function _list(address[4] calldata array) private pure returns (address[] memory list) {
        list = new address[](4);
        for (uint256 i; i < 4; ++i) {
            list[i] = array[i];
        }
    }

    function _list(uint16[4] calldata array) private pure returns (uint16[] memory list) {
        list = new uint16[](4);
        for (uint256 i; i < 4; ++i) {
            list[i] = array[i];
        }
    }
}
