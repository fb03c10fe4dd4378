import Refrain
import RefrainFormats

extension ExportCase {
  /// The cells that ONNX's operators express; all others become loops.
  static let operators: [any RecurrentCell.Type] = [
    LSTMCell.self, GRUCell.self, GRUResetBeforeCell.self, TanhRNNCell.self, ReLURNNCell.self, PeepholeLSTMCell.self,
    NoInputGateLSTMCell.self, NoForgetGateLSTMCell.self, NoOutputGateLSTMCell.self, NoInputActivationLSTMCell.self,
    NoOutputActivationLSTMCell.self, CoupledGatesLSTMCell.self, MinimalGatedCell.self, IndRNNCell.self,
    MinGRUCell.self,
  ]

  /// Every kind of layer, option and connection.
  static let all: [ExportCase] =
    operators.flatMap { ofCell($0) } + loops + stacks + layers + steps + convolutions + activations + choices + others

  /// Those in which there is a loop, which no layer is found in.
  static let loops: [ExportCase] = loopedCells.flatMap { ofLoop($0) } + looped + spaces

  /// The cells that become loops.
  private static var loopedCells: [any RecurrentCell.Type] {
    Cells.all.filter { cell in !operators.contains { $0.name == cell.name } } + [CountingCell.self]
  }

  private static let withoutStates = ONNXExportOptions(lengths: true, states: false)

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

  private static func ofLoop<Cell: RecurrentCell>(_ cell: Cell.Type) -> [ExportCase] {
    [17, 23].flatMap { opset in
      Returning.allCases.flatMap { returning in
        Direction.allCases.map { direction in
          ExportCase(
            "\(Cell.name)_\(direction)_\(returning)_\(opset)",
            Sequential(inputSize: 3) { Recurrent<Cell>(4, returning: returning, direction: direction) },
            ONNXExportOptions(lengths: true, states: true, opset: opset))
        } + [
          ExportCase(
            "\(Cell.name)_both_\(returning)_\(opset)",
            Sequential(inputSize: 3) { Bidirectional<Cell>(4, returning: returning) },
            ONNXExportOptions(lengths: true, states: true, opset: opset))
        ]
      }
    } + [
      ExportCase(
        "\(Cell.name)_learned",
        Sequential(inputSize: 3) {
          // A cell that wants a time or a score stands first.
          if Cell.lastColumn == nil { Recurrent<Cell>(4, returning: .everyStep, initial: .learned) }
          Bidirectional<Cell>(2, initial: .learned)
        }, withoutStates),
      ExportCase(
        "\(Cell.name)_alone", Sequential(inputSize: 3) { Recurrent<Cell>(4) },
        ONNXExportOptions(lengths: false, states: false)),
    ]
  }

  /// Sequences of lines, images and volumes, and grids.
  private static var spaces: [ExportCase] {
    func ofMap<Map: ConvolutionMap>(_ map: Map.Type) -> [ExportCase] {
      Returning.allCases.flatMap { returning in
        Direction.allCases.map { direction in
          ExportCase(
            "\(Map.name)_\(direction)_\(returning)",
            Sequential(exampleShape: [nil, 4, 3, 2]) {
              ConvolutionalLSTM<Map>(3, kernel: [3, 2], returning: returning, direction: direction)
            }, withoutStates)
        }
      } + [
        ExportCase(
          "\(Map.name)_line",
          Sequential(exampleShape: [nil, 7, 2]) {
            ConvolutionalLSTM<Map>(2, kernel: [3], strides: [2], returning: .everyStep)
            ConvolutionalLSTM<Map>(3, kernel: [2], padding: .valid)
          }, ONNXExportOptions(lengths: true, states: false, opset: 23)),
        ExportCase(
          "\(Map.name)_volume",
          Sequential(exampleShape: [nil, 3, 4, 3, 1]) {
            ConvolutionalLSTM<Map>(2, kernel: [2, 3, 2], strides: [1, 2, 1], padding: .valid)
          }, withoutStates),
      ]
    }
    return ofMap(FullConvolution.self) + ofMap(SeparableConvolution.self)
      + [17, 23].map { opset in
        ExportCase(
          "grid_\(opset)",
          Sequential(exampleShape: [4, 5, 3]) {
            GridLSTM(2)
            GridLSTM(3)
          }, ONNXExportOptions(lengths: false, states: false, opset: opset))
      }
  }

  /// Zoneout, which no operator has, and the ways to put loops together.
  private static var looped: [ExportCase] {
    let zoneout = Regularization(zoneoutHidden: 0.2, zoneoutCell: 0.3)
    return Merge.allCases.map { merge in
      ExportCase(
        "loops_\(merge)",
        Sequential(inputSize: 3) { Bidirectional<LayerNormLSTMCell>(4, returning: .everyStep, merge: merge) })
    }
      + Connection.allCases.map { connection in
        ExportCase(
          "loops_\(connection)",
          Sequential(inputSize: 3) {
            Stacked<Recurrent<SRUCell>>([4, 4, 4], connection: connection, returning: .everyStep)
          })
      } + [
        ExportCase(
          "loops_lastColumn",
          Sequential(inputSize: 3) {
            Stacked<Bidirectional<TimeAwareLSTMCell>>([4, 2], returning: .everyStep)
          }),
        ExportCase(
          "loops_lastColumn_highway",
          Sequential(inputSize: 3) {
            Stacked<Recurrent<AttentionGRUCell>>([4, 4], connection: .highway, returning: .lastStep)
          }),
        ExportCase(
          "zoneout_lstm", Sequential(inputSize: 3) { LSTM(4, returning: .everyStep).regularized(by: zoneout) }),
        ExportCase(
          "zoneout_both",
          Sequential(inputSize: 3) {
            Bidirectional<GRUCell>(4, returning: .everyStep).regularized(by: Regularization(zoneoutHidden: 0.4))
          }),
        ExportCase(
          "loops_of_loops",
          Sequential(inputSize: 3) {
            Dense(4, activation: .tanh)
            Recurrent<ProjectedLSTMCell>(3, returning: .everyStep)
            LSTM(4, returning: .everyStep)
            Stacked<Bidirectional<QRNNCell>>([2, 5], returning: .everyStep)
            Recurrent<MatrixLSTMCell>(4)
            Dense(2)
          }),
        ExportCase(
          "options",
          Sequential(inputSize: 3) {
            Recurrent<QRNNCell>(4, returning: .everyStep, options: QRNNCell.Options(window: 3))
            Recurrent<DepthGatedLSTMCell>(4, returning: .everyStep, options: DepthGatedLSTMCell.Options(levels: 3))
            Recurrent<SLSTMCell>(4, options: SLSTMCell.Options(heads: 2, forgetGate: .exponential))
          }),
      ]
  }

  private static var stacks: [ExportCase] {
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
        "activate",
        Sequential(inputSize: 3) {
          Recurrent<MinGRUCell>(4, returning: .everyStep)
          Activate(.tanh)
        }),
      ExportCase(
        "pooling_alone",
        Sequential(inputSize: 3) {
          AttentionPooling()
        }, withoutStates),
      ExportCase(
        "shapes",
        Sequential(exampleShape: [6, 3]) {
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
        Sequential(exampleShape: [5]) {
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
      ExportCase("masking_opset_\($0)", masking, ONNXExportOptions(lengths: true, states: false, opset: $0))
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

  /// Functions that several operators are, which an import does not put together.
  static let joinedFunctions: [Activation] = [.hardSwish, .scaledTanh, .affine, .mish]
  static let foundFunctions = Activation.allCases.filter { !joinedFunctions.contains($0) }
}
