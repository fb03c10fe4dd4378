import Refrain
import RefrainFormats

extension ExportCase {
  /// What is exported, and not found again as layers.
  static var others: [ExportCase] {
    joinedFunctions.map { activation in
      ExportCase("joined_\(activation)", Sequential(inputSize: 3) { Dense(4, activation: activation) })
    }
      + [17, 20].flatMap { opset in
        PoolingFunction.allCases.flatMap { function in
          [
            ExportCase(
              "pooling_\(function)_\(opset)",
              Sequential(inputSize: 3) {
                BatchNorm()
                Pooling1D(function, size: 2)
                LSTM(4, returning: .everyStep)
                Pooling1D(function, size: 3, stride: 1)
              }, ONNXExportOptions(states: false, opset: opset)),
            ExportCase(
              "pooling_same_\(function)_\(opset)",
              Sequential(inputSize: 3) { Pooling1D(function, size: 3, stride: 1, padding: .same) },
              ONNXExportOptions(lengths: false, opset: opset)),
            ExportCase(
              "global_pooling_\(function)_\(opset)",
              Sequential(inputSize: 3) {
                LSTM(4, returning: .everyStep)
                GlobalPooling1D(function)
                RepeatVector(2)
                GRU(3, returning: .everyStep)
                ParametricReLU(sharedAxes: [1])
                Permute([2, 1])
                GaussianNoise(0.1)
              }, ONNXExportOptions(states: false, opset: opset)),
          ]
        }
      }
  }

  static var activations: [ExportCase] {
    foundFunctions.map { activation in
      ExportCase("dense_\(activation)", Sequential(inputSize: 3) { Dense(4, activation: activation) })
    } + [
      ExportCase(
        "gelu_operator", Sequential(inputSize: 3) { Dense(4, activation: .gelu) },
        ONNXExportOptions(lengths: true, states: true, opset: 20)),
      ExportCase(
        "gelu_exact_operator", Sequential(inputSize: 3) { Dense(4, activation: .geluExact) },
        ONNXExportOptions(lengths: true, states: true, opset: 20)),
    ]
      + foundFunctions.map { activation in
        ExportCase(
          "activate_\(activation)",
          Sequential(inputSize: 3) {
            LSTM(4, returning: .everyStep)
            Activate(activation)
          })
      }
  }

  /// With and without lengths and states, in every version of the operators.
  static var choices: [ExportCase] {
    let model = Sequential(inputSize: 3) {
      Bidirectional<LSTMCell>(4, returning: .everyStep)
      LayerNorm()
      GRU(3)
      Dense(2)
    }
    var cases = ONNXExportOptions.versions.map {
      ExportCase("opset_\($0)", model, ONNXExportOptions(lengths: true, states: true, opset: $0))
    }
    for lengths in [false, true] {
      for states in [false, true] {
        cases.append(
          ExportCase(
            "lengths_\(lengths)_states_\(states)", model, ONNXExportOptions(lengths: lengths, states: states)))
      }
    }
    return cases
  }
}
