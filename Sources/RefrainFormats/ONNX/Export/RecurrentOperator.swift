import Refrain

/// A cell as one of ONNX's recurrent operators, its weights in the operator's order.
struct RecurrentOperator {
  /// The weights of a gate or of the candidate.
  struct Block {
    /// `[H, I]`
    var weightInput: Tensor
    /// `[H, H]`
    var weightHidden: Tensor
    /// `[H]`
    var bias: Tensor
    /// What is added to the recurrent product, `[H]`; nil is 0.
    var biasHidden: Tensor?

    /// The block of the given number.
    init(_ index: Int, weightInput: Tensor, weightHidden: Tensor, bias: Tensor) {
      let size = weightHidden.shape[1]
      func rows(_ tensor: Tensor) -> Tensor { tensor.slice(index * size..<(index + 1) * size, axis: 0) }
      self.init(weightInput: rows(weightInput), weightHidden: rows(weightHidden), bias: rows(bias))
    }

    init(weightInput: Tensor, weightHidden: Tensor, bias: Tensor) {
      (self.weightInput, self.weightHidden, self.bias) = (weightInput, weightHidden, bias)
    }

    /// A gate of the same sizes that stands open at 1, whatever it sees.
    var opened: Block {
      // σ(40) is 1 as a Float.
      Block(
        weightInput: .zeros(weightInput.shape), weightHidden: .zeros(weightHidden.shape),
        bias: Tensor(repeating: 40, shape: bias.shape))
    }

    /// The gate that is what this one leaves: 1 − σ(a) = σ(−a).
    var complement: Block { Block(weightInput: -weightInput, weightHidden: -weightHidden, bias: -bias) }

    /// The block without a view of the hidden state.
    var withoutHidden: Block {
      Block(weightInput: weightInput, weightHidden: .zeros(weightHidden.shape), bias: bias)
    }
  }

  /// The operator: LSTM, GRU or RNN.
  let name: String
  /// W, `[G·H, I]`
  let weightInput: Tensor
  /// R, `[G·H, H]`
  let weightHidden: Tensor
  /// B, `[2·G·H]`: the bias of the input, then that of the recurrent product.
  let bias: Tensor
  /// P, `[3H]`: i o f.
  let peepholes: Tensor?
  /// The functions in the operator's order; empty where they are the usual ones.
  let activations: [String]
  /// What else it is told.
  let attributes: [String: ONNXGraphBuilder.Attribute]

  /// The size **H** of the state.
  var hiddenSize: Int { weightHidden.shape[1] }

  /// An operator of the given blocks, in its own order.
  init(
    _ name: String, _ blocks: [Block], peepholes: Tensor? = nil, activations: [String] = [],
    attributes: [String: ONNXGraphBuilder.Attribute] = [:]
  ) {
    self.name = name
    weightInput = concatenate(blocks.map(\.weightInput), axis: 0)
    weightHidden = concatenate(blocks.map(\.weightHidden), axis: 0)
    let second = blocks.map { $0.biasHidden ?? .zeros($0.bias.shape) }
    bias = concatenate(blocks.map(\.bias) + second, axis: 0)
    self.peepholes = peepholes
    self.activations = activations
    self.attributes = attributes
  }
}

/// A cell that one of ONNX's recurrent operators computes.
protocol ONNXCell: RecurrentCell {
  /// The operator with the cell's weights.
  var onnxOperator: RecurrentOperator { get }
}
