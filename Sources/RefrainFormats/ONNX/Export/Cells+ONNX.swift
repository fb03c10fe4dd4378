import Refrain

extension LSTMCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    // i o f c
    RecurrentOperator(
      "LSTM",
      [Gate.input, .output, .forget, .candidate].map {
        .init($0.rawValue, weightInput: weightInput, weightHidden: weightHidden, bias: bias)
      })
  }
}

extension PeepholeLSTMCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    RecurrentOperator(
      "LSTM",
      [Gate.input, .output, .forget, .candidate].map {
        .init($0.rawValue, weightInput: weightInput, weightHidden: weightHidden, bias: bias)
      },
      peepholes: concatenate([peepholeInput, peepholeOutput, peepholeForget], axis: 0))
  }
}

extension LSTMVariantCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    func block(_ gate: LSTMCell.Gate) -> RecurrentOperator.Block {
      guard let index = Variant.blocks.firstIndex(of: gate) else {
        // What stands for a gate that is not there; for a coupled one it is not looked at.
        return RecurrentOperator.Block(0, weightInput: weightInput, weightHidden: weightHidden, bias: bias).opened
      }
      return .init(index, weightInput: weightInput, weightHidden: weightHidden, bias: bias)
    }
    let gates = Variant.blocks.filter { $0 != .candidate }
    func peephole(_ gate: LSTMCell.Gate) -> Tensor {
      gates.firstIndex(of: gate).map { peepholes[$0] } ?? .zeros([hiddenSize])
    }
    let isUsual = Variant.activatesInput && Variant.activatesOutput
    return RecurrentOperator(
      "LSTM", [block(.input), block(.output), block(.forget), block(.candidate)],
      peepholes: concatenate([peephole(.input), peephole(.output), peephole(.forget)], axis: 0),
      activations: isUsual
        ? [] : ["Sigmoid", Variant.activatesInput ? "Tanh" : "Affine", Variant.activatesOutput ? "Tanh" : "Affine"],
      attributes: Variant.isCoupled ? ["input_forget": .integer(1)] : [:])
  }
}

extension GRUCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    // z r h
    var blocks = [Gate.update, .reset, .candidate].map {
      RecurrentOperator.Block($0.rawValue, weightInput: weightInput, weightHidden: weightHidden, bias: bias)
    }
    blocks[2].biasHidden = biasHidden
    return RecurrentOperator("GRU", blocks, attributes: ["linear_before_reset": .integer(1)])
  }
}

extension GRUResetBeforeCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    RecurrentOperator(
      "GRU",
      [Gate.update, .reset, .candidate].map {
        .init($0.rawValue, weightInput: weightInput, weightHidden: weightHidden, bias: bias)
      })
  }
}

extension RNNCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    RecurrentOperator(
      "RNN", [.init(weightInput: weightInput, weightHidden: weightHidden, bias: bias)],
      activations: Activation.isRectifier ? ["Relu"] : [])
  }
}

/// The minimal gated unit is a GRU whose reset gate is f and whose update gate is 1 − f.
extension MinimalGatedCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    func block(_ gate: Gate) -> RecurrentOperator.Block {
      .init(gate.rawValue, weightInput: weightInput, weightHidden: weightHidden, bias: bias)
    }
    return RecurrentOperator("GRU", [block(.forget).complement, block(.forget), block(.candidate)])
  }
}

/// The minimal GRU is a GRU whose gates do not see the hidden state, whose update gate is 1 − z, and whose candidate is
/// not squashed.
extension MinGRUCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    func block(_ gate: Gate) -> RecurrentOperator.Block {
      let size = hiddenSize
      func rows(_ tensor: Tensor) -> Tensor { tensor.slice(gate.rawValue * size..<(gate.rawValue + 1) * size, axis: 0) }
      return .init(weightInput: rows(weightInput), weightHidden: .zeros([size, size]), bias: rows(bias))
    }
    let update = block(.update)
    return RecurrentOperator(
      "GRU", [update.complement, update.opened, block(.candidate)], activations: ["Sigmoid", "Affine"])
  }
}

/// The independently recurrent network is an Elman network with a diagonal R.
extension IndRNNCell: ONNXCell {
  var onnxOperator: RecurrentOperator {
    let size = hiddenSize
    var diagonal = [Float](repeating: 0, count: size * size)
    for (index, weight) in weightHidden.values.enumerated() { diagonal[index * size + index] = weight }
    return RecurrentOperator(
      "RNN",
      [.init(weightInput: weightInput, weightHidden: Tensor(diagonal, shape: [size, size]), bias: bias)],
      activations: ["Relu"])
  }
}
