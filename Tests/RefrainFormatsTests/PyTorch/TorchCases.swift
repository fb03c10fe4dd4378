import Foundation
import Refrain
import RefrainData
import RefrainFormats
import RefrainTestSupport
import Testing

/// The modules in `Tests/Fixtures/pytorch`: `modules.py` says what they are, and `make_pytorch.py` saved them.
struct TorchCase: Sendable, CustomTestStringConvertible {
  var name: String
  /// What the state dictionary alone does not say.
  var function = ElmanFunction.tanh
  /// The layer where a state dictionary is not enough to infer it.
  var convolution: Conv1D?

  var testDescription: String { name }

  static let recurrent: [TorchCase] =
    [
      "lstm", "lstm_bidirectional", "lstm_deep", "lstm_deep_bidirectional", "lstm_no_bias", "lstm_projected",
      "lstm_projected_deep", "lstm_double", "lstm_half", "lstm_bfloat16", "gru", "gru_deep_bidirectional",
      "gru_no_bias", "rnn_tanh", "rnn_no_bias",
    ].map { TorchCase(name: $0) } + [TorchCase(name: "rnn_relu", function: .relu)]
  static let stepwise = [
    "lstm_cell", "gru_cell", "rnn_cell", "linear", "linear_no_bias", "layer_norm", "layer_norm_no_bias", "embedding",
  ].map { TorchCase(name: $0) }
  static let convolutions = [
    TorchCase(name: "conv_valid", convolution: Conv1D(4, kernel: 3, padding: .valid)),
    TorchCase(name: "conv_stride", convolution: Conv1D(4, kernel: 2, stride: 2, padding: .valid)),
    TorchCase(name: "conv_same", convolution: Conv1D(4, kernel: 4, padding: .same)),
    TorchCase(name: "conv_causal", convolution: Conv1D(4, kernel: 3, padding: .causal)),
    TorchCase(name: "conv_causal_stride", convolution: Conv1D(4, kernel: 3, stride: 2, padding: .causal)),
  ]
  static let models = [
    TorchCase(name: "tagger"), TorchCase(name: "regressor"), TorchCase(name: "listener", function: .relu),
  ]
  static let all = recurrent + stepwise + convolutions + models

  /// What the module's state dictionary holds.
  func weights() throws -> StateDictionary { try torchFixture(name + ".pt") }

  /// The model, and what its modules are called in the file.
  func model(_ returning: Returning = .lastStep) throws -> (
    model: Sequential, naming: [String: String], cells: Set<String>
  ) {
    if let convolution {
      var model = Sequential(inputSize: 3, seed: 1) { convolution }
      try model.load(weights(), naming: ["0": ""])
      return (model, ["0": ""], [])
    }
    // A lone matrix is taken for an embedding.
    if name == "linear_no_bias" {
      var model = Sequential(exampleShape: [3], seed: 1) { Dense(4) }
      try model.load(weights(), naming: ["0": ""])
      return (model, ["0": ""], [])
    }
    let inferred = try weights().inferredModel(returning: returning, function: function)
    return (inferred.model, inferred.naming, inferred.cells)
  }

  /// What PyTorch computes.
  func number(_ key: String) throws -> Tensor {
    let array = try #require(try torchNumbers.get()["\(name).\(key)"], "\(name).\(key)")
    return Tensor(array.values.floats, shape: array.shape)
  }

  static let lengths = [3, 5, 2]
}

/// The inputs and outputs of all cases.
private let torchNumbers = Result { try torchFixture("numbers.safetensors") }

/// A file of `Tests/Fixtures/pytorch`.
func torchFixture(_ name: String, at key: String? = nil) throws -> StateDictionary {
  try StateDictionary(bytes: fixture("pytorch/" + name), at: key, file: name)
}

extension Tolerance {
  /// For what PyTorch computes: within 1e-5, whatever the scale.
  static let torch = Tolerance(relative: 0, absolute: 1e-5, takesScalars: false)
}
