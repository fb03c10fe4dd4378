import Refrain
import RefrainData

/// A cell that Keras has too. Its kernels are `[I, G·H]` and `[H, G·H]`, Refrain's weights transposed, the blocks of
/// its gates in an order of their own.
protocol KerasCell: RecurrentCell {
  /// The class of the layer made of it, such as `LSTM`.
  static var kerasClass: String { get }
  /// What its config says besides what every recurrent layer's says.
  ///
  /// - Throws: what Keras cannot say.
  static func kerasOptions(_ options: Options) throws(LayerError) -> [String: JSONValue]
  /// For each of our gates its place among Keras'.
  static var kerasGates: [Int] { get }
  /// The rows of the bias: 2 where it has one for the input and one for the state, `[2, G·H]`, else 1, `[G·H]`.
  static func kerasBiases(_ options: Options) -> Int

  /// W, `[G·H, I]`
  var weightInput: Tensor { get set }
  /// R, `[G·H, H]`
  var weightHidden: Tensor { get set }
  /// b, `[G·H]`
  var bias: Tensor { get set }
  /// The bias of the candidate's recurrent product, `[H]`, where there are two biases.
  var separateBias: Tensor? { get set }
}

extension KerasCell {
  static func kerasBiases(_ options: Options) -> Int { 1 }
  var separateBias: Tensor? {
    get { nil }
    set {}
  }

  /// Kernel, recurrent kernel and bias.
  var kerasTensors: [Tensor] {
    let order = Self.kerasGates.indices.map { place in Self.kerasGates.firstIndex(of: place) ?? place }
    let bias = self.bias.reorderingBlocks(order)
    guard Self.kerasBiases(options) == 2, let separateBias else {
      return [weightInput, weightHidden].map { $0.reorderingBlocks(order).transposed([1, 0]) } + [bias]
    }
    // Those of the gates r and z are their sums, so that the second is zero there.
    let second = concatenate([.zeros([bias.shape[0] - separateBias.shape[0]]), separateBias], axis: 0)
    return [weightInput, weightHidden].map { $0.reorderingBlocks(order).transposed([1, 0]) } + [stack([bias, second])]
  }

  /// The shapes of kernel, recurrent kernel and bias.
  static func kerasShapes(inputSize: Int, hiddenSize: Int, options: Options) -> [[Int]] {
    let width = kerasGates.count * hiddenSize
    return [[inputSize, width], [hiddenSize, width], kerasBiases(options) == 2 ? [2, width] : [width]]
  }

  /// Takes kernel, recurrent kernel and bias, which have the shapes of ``kerasShapes(inputSize:hiddenSize:options:)``.
  mutating func take(kerasTensors tensors: [Tensor]) {
    weightInput = tensors[0].transposed([1, 0]).reorderingBlocks(Self.kerasGates)
    weightHidden = tensors[1].transposed([1, 0]).reorderingBlocks(Self.kerasGates)
    guard Self.kerasBiases(options) == 2 else {
      bias = tensors[2].reorderingBlocks(Self.kerasGates)
      return
    }
    let (first, second) = (tensors[2].at(0, axis: 0), tensors[2].at(1, axis: 0))
    // The candidate's block is the last for both, and its recurrent bias stays inside of the product with r.
    let size = second.shape[0] / Self.kerasGates.count
    let sums = second.shape[0] - size
    let added = concatenate([second.slice(0..<sums, axis: 0), .zeros([size])], axis: 0)
    bias = (first + added).reorderingBlocks(Self.kerasGates)
    separateBias = second.slice(sums..<second.shape[0], axis: 0)
  }
}

extension Tensor {
  /// The tensor with its first axis divided into as many blocks as `order` has, taken in that order.
  fileprivate func reorderingBlocks(_ order: [Int]) -> Tensor {
    let size = shape[0] / order.count
    return concatenate(order.map { slice($0 * size..<($0 + 1) * size, axis: 0) }, axis: 0)
  }
}

extension LSTMCell: KerasCell {
  static var kerasClass: String { "LSTM" }
  static func kerasOptions(_ options: Options) -> [String: JSONValue] {
    ["activation": "tanh", "recurrent_activation": "sigmoid", "unit_forget_bias": true]
  }
  static var kerasGates: [Int] { [0, 1, 2, 3] }
}

/// Keras' order is z r h.
private let kerasGRUGates = [1, 0, 2]

extension GRUCell: KerasCell {
  static var kerasClass: String { "GRU" }
  static func kerasOptions(_ options: Options) -> [String: JSONValue] {
    ["activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": true]
  }
  static var kerasGates: [Int] { kerasGRUGates }
  static func kerasBiases(_ options: Options) -> Int { 2 }
  var separateBias: Tensor? {
    get { biasHidden }
    set { if let newValue { biasHidden = newValue } }
  }
}

extension GRUResetBeforeCell: KerasCell {
  static var kerasClass: String { "GRU" }
  static func kerasOptions(_ options: Options) -> [String: JSONValue] {
    ["activation": "tanh", "recurrent_activation": "sigmoid", "reset_after": false]
  }
  static var kerasGates: [Int] { kerasGRUGates }
}

extension RNNCell: KerasCell {
  static var kerasClass: String { "SimpleRNN" }
  static func kerasOptions(_ options: Options) -> [String: JSONValue] {
    ["activation": Activation.isRectifier ? "relu" : "tanh"]
  }
  static var kerasGates: [Int] { [0] }
}

// Cells with other functions.

extension GeneralLSTMCell: KerasCell {
  static var kerasClass: String { "LSTM" }
  static func kerasOptions(_ options: Options) throws(LayerError) -> [String: JSONValue] {
    guard options.candidate == options.output, !options.hasPeepholes, !options.isCoupled, options.clip == nil else {
      throw LayerError("Keras' LSTM has one function besides that of the gates, and no peepholes, coupling or bounds")
    }
    return [
      "activation": try options.candidate.kerasName(), "recurrent_activation": try options.gates.kerasName(),
      "unit_forget_bias": true,
    ]
  }
  static var kerasGates: [Int] { [0, 1, 2, 3] }
}

extension GeneralGRUCell: KerasCell {
  static var kerasClass: String { "GRU" }
  static func kerasOptions(_ options: Options) throws(LayerError) -> [String: JSONValue] {
    guard options.clip == nil else { throw LayerError("Keras' GRU has no bounds of its sums") }
    return [
      "activation": try options.candidate.kerasName(), "recurrent_activation": try options.gates.kerasName(),
      "reset_after": .bool(options.resetsAfter),
    ]
  }
  static var kerasGates: [Int] { kerasGRUGates }
  static func kerasBiases(_ options: Options) -> Int { options.resetsAfter ? 2 : 1 }
  var separateBias: Tensor? {
    get { options.resetsAfter ? biasHidden : nil }
    set { if let newValue { biasHidden = newValue } }
  }
}

extension GeneralRNNCell: KerasCell {
  static var kerasClass: String { "SimpleRNN" }
  static func kerasOptions(_ options: Options) throws(LayerError) -> [String: JSONValue] {
    guard options.clip == nil else { throw LayerError("Keras' SimpleRNN has no bounds of its sums") }
    return ["activation": try options.function.kerasName()]
  }
  static var kerasGates: [Int] { [0] }
}
