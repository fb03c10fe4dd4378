import Refrain
import RefrainFormats

extension ExportCase {
  /// The cells that ONNX's operators express.
  static let cells: [any RecurrentCell.Type] = [
    LSTMCell.self, GRUCell.self, GRUResetBeforeCell.self, TanhRNNCell.self, ReLURNNCell.self, PeepholeLSTMCell.self,
    NoInputGateLSTMCell.self, NoForgetGateLSTMCell.self, NoOutputGateLSTMCell.self, NoInputActivationLSTMCell.self,
    NoOutputActivationLSTMCell.self, CoupledGatesLSTMCell.self, MinimalGatedCell.self, IndRNNCell.self,
    MinGRUCell.self,
  ]

  /// Every kind of layer, option and connection.
  static let all: [ExportCase] =
    cells.flatMap { ofCell($0) } + piles + layers + steps + convolutions + activations + choices

  private static let withoutStates = ONNXExportOptions(states: false)

  private static func ofCell<Cell: RecurrentCell>(_ cell: Cell.Type) -> [ExportCase] {
    var cases = Returning.allCases.flatMap { returning in
      Direction.allCases.map { direction in
        ExportCase(
          "\(Cell.name)_\(direction)_\(returning)",
          Sequential(inputSize: 3) { Recurrent<Cell>(4, returning: returning, direction: direction) })
      }
    }
    cases += Returning.allCases.flatMap { returning in
      Merge.allCases.map { merge in
        ExportCase(
          "\(Cell.name)_\(merge)_\(returning)",
          Sequential(inputSize: 3) { Bidirectional<Cell>(4, returning: returning, merge: merge) })
      }
    }
    cases.append(
      ExportCase(
        "\(Cell.name)_learned",
        Sequential(inputSize: 3) {
          Recurrent<Cell>(4, returning: .everyStep, initial: .learned)
          Bidirectional<Cell>(2, initial: .learned)
        }, withoutStates))
    return cases
  }

  private static var piles: [ExportCase] {
    Connection.allCases.flatMap { connection in
      Returning.allCases.flatMap { returning in
        [
          ExportCase(
            "stacked_\(connection)_\(returning)",
            Sequential(inputSize: 3) {
              Stacked<LSTM>([4, 4, 4], dropout: 0.2, connection: connection, returning: returning)
            }),
          ExportCase(
            "stacked_bidirectional_\(connection)_\(returning)",
            Sequential(inputSize: 3) {
              Stacked<Bidirectional<GRUCell>>([2, 2], connection: connection, returning: returning)
            }),
        ]
      }
    } + [
      ExportCase(
        "stacked_widths",
        Sequential(inputSize: 3) { Stacked<Bidirectional<PeepholeLSTMCell>>([2, 5], returning: .everyStep) }),
      ExportCase(
        "layers_of_layers",
        Sequential(inputSize: 3) {
          Dense(4, activation: .tanh)
          LSTM(3, returning: .everyStep)
          Sequential(inputSize: 3) {
            LayerNorm()
            GRU(4, returning: .everyStep)
          }
          Dropout(0.5)
          LSTM(2)
          Dense(2)
        }),
    ]
  }

  private static var layers: [ExportCase] {
    [
      ExportCase(
        "tokens",
        Sequential {
          Embedding(5, 3, dropout: 0.1)
          LSTM(4, returning: .everyStep)
          Dense(5, activation: .softmax)
        }),
      ExportCase(
        "tokens_every_step",
        Sequential {
          Embedding(5, 3)
          Dense(4)
        }),
      ExportCase(
        "pooling",
        Sequential(inputSize: 3) {
          Bidirectional<GRUCell>(4, returning: .everyStep)
          ActivationPenalty(temporal: 1)
          AttentionPooling(size: 3)
          Dense(2)
        }, withoutStates),
      ExportCase(
        "pooling_alone",
        Sequential(inputSize: 3) {
          AttentionPooling()
        }, withoutStates),
      ExportCase(
        "shapes",
        Sequential(inputShape: [6, 3]) {
          LSTM(4, returning: .everyStep)
          Reshape([3, 8])
          Dense(2)
          Flatten()
          Reshape([2, 3])
          Flatten()
          Dense(2)
        }, ONNXExportOptions(lengths: false, states: false)),
      ExportCase(
        "rows",
        Sequential(inputShape: [5]) {
          Dense(4, activation: .relu)
          LayerNorm(epsilon: 0.01)
          Dense(2)
        }),
    ]
  }

  /// Steps that are found in the values. (A model that finds them has no memory to carry on.)
  private static var steps: [ExportCase] {
    let masking = Sequential(inputSize: 3) {
      Masking()
      Dense(4, activation: .tanh)
      LSTM(4, returning: .everyStep)
      LayerNorm()
      Bidirectional<GRUCell>(3, returning: .everyStep)
      Stacked<Recurrent<PeepholeLSTMCell>>([6, 6], connection: .highway)
      Dense(2)
    }
    func cases(_ name: String, _ model: Sequential) -> [ExportCase] {
      [false, true].map {
        ExportCase("\(name)_lengths_\($0)", model, ONNXExportOptions(lengths: $0, states: false))
      }
    }
    return ONNXExportOptions.versions.map {
      ExportCase("masking_opset_\($0)", masking, ONNXExportOptions(states: false, opset: $0))
    } + cases("masking", masking)
      + cases(
        "masking_value",
        Sequential(inputSize: 3) {
          Masking(-1.5)
          Recurrent<GRUResetBeforeCell>(4, returning: .everyStep, direction: .backward)
          AttentionPooling(size: 3)
        })
      + cases(
        "masking_learned",
        Sequential(inputSize: 3) {
          Masking()
          LSTM(4, returning: .everyStep, initial: .learned)
          GRU(3, initial: .learned)
        })
      + cases(
        "masking_convolution",
        Sequential(inputSize: 3) {
          Masking()
          Conv1D(3, kernel: 3, stride: 2, padding: .causal)
          Conv1D(2, kernel: 2, padding: .valid, activation: .softplus)
        })
      + cases(
        "tokens_masked",
        Sequential {
          Embedding(5, 3, maskZero: true)
          GRU(4, returning: .everyStep)
          Dense(3)
          LSTM(3)
        })
      + cases(
        "tokens_masked_pooling",
        Sequential {
          Embedding(5, 3, maskZero: true)
          AttentionPooling()
        })
  }

  private static var convolutions: [ExportCase] {
    let paddings: [(Conv1D.Padding, Int, Int)] = [
      (.valid, 3, 1), (.valid, 2, 2), (.valid, 4, 3), (.same, 3, 1), (.same, 4, 1), (.same, 1, 1), (.causal, 3, 1),
      (.causal, 2, 2), (.causal, 3, 4),
    ]
    return paddings.map { padding, kernel, stride in
      ExportCase(
        "convolution_\(padding)_\(kernel)_\(stride)",
        Sequential(inputSize: 3) {
          Conv1D(4, kernel: kernel, stride: stride, padding: padding, activation: .sigmoid)
          LSTM(3, returning: .everyStep)
        }, withoutStates)
    } + [
      ExportCase(
        "convolutions",
        Sequential(inputSize: 3) {
          Conv1D(4, kernel: 3, activation: .silu)
          Conv1D(3, kernel: 2, padding: .valid, activation: .geluExact)
          AttentionPooling()
        }, withoutStates)
    ]
  }

  private static var activations: [ExportCase] {
    Activation.allCases.map { activation in
      ExportCase("dense_\(activation)", Sequential(inputSize: 3) { Dense(4, activation: activation) })
    } + [
      ExportCase(
        "gelu_operator", Sequential(inputSize: 3) { Dense(4, activation: .gelu) }, ONNXExportOptions(opset: 20)),
      ExportCase(
        "gelu_exact_operator", Sequential(inputSize: 3) { Dense(4, activation: .geluExact) },
        ONNXExportOptions(opset: 20)),
    ]
      + Activation.allCases.map { activation in
        ExportCase(
          "activate_\(activation)",
          Sequential(inputSize: 3) {
            LSTM(4, returning: .everyStep)
            Activate(activation)
          })
      }
  }

  /// With and without lengths and states, in every version of the operators.
  private static var choices: [ExportCase] {
    let model = Sequential(inputSize: 3) {
      Bidirectional<LSTMCell>(4, returning: .everyStep)
      LayerNorm()
      GRU(3)
      Dense(2)
    }
    var cases = ONNXExportOptions.versions.map {
      ExportCase("opset_\($0)", model, ONNXExportOptions(opset: $0))
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
