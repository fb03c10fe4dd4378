import Refrain
import RefrainData

/// A recurrent operator as a layer of Refrain.
struct ImportedRecurrent: Sendable {
  /// What tells its operator from the others of the graph.
  var node: Int
  /// The cell of each direction, all of one kind.
  var cells: [any RecurrentCell]
  /// Which way a single cell goes.
  var direction: Direction
  /// The learned states before the first step, for each direction and state `[1, H]`.
  var learned: [[Tensor]]?
  var returning: Returning
  /// How two directions become one output; nil while nothing in the graph has joined them.
  var merge: Merge?

  /// The layer.
  var layer: any Layer {
    get throws(DataError) {
      func make<Cell: RecurrentCell>(_ first: Cell) throws(DataError) -> any Layer {
        let initial: InitialState = learned == nil ? .fixed : .learned
        func state(_ index: Int) -> Cell.State? {
          learned.map { first.initialState(batch: 1).replacingTensors($0[index]) }
        }
        if cells.count == 1 {
          var layer = Recurrent(first, returning: returning, direction: direction, initial: initial)
          layer.learnedState = state(0)
          return layer
        }
        guard let second = cells[1] as? Cell else {
          throw DataError(
            .unsupportedContent, "a recurrent layer has cells \(Cell.name) and \(type(of: cells[1]).name)",
            remedy: "the graph can still be run")
        }
        var layer = Bidirectional<Cell>(
          first.hiddenSize, returning: returning, merge: merge ?? .separate, initial: initial)
        (layer.forward.cell, layer.backward.cell) = (first, second)
        (layer.forward.learnedState, layer.backward.learnedState) = (state(0), state(1))
        return layer
      }
      return try make(cells[0])
    }
  }
}

extension ONNXRecurrentCall {
  /// The cell of a direction; nil where Refrain has none of the kind.
  func cell(_ direction: Int) throws(DataError) -> (any RecurrentCell)? {
    guard attributes.clip == nil else { return nil }
    let functions = attributes.directions[direction].activations
    return switch call.node.operation {
    case "LSTM": try lstm(direction, functions)
    case "GRU": gru(direction, functions)
    default: rnn(direction, functions)
    }
  }

  /// Blocks i o f c.
  private func lstm(_ direction: Int, _ functions: [ONNXActivation]) throws(DataError) -> (any RecurrentCell)? {
    let isCoupled = call.node.integer("input_forget") ?? 0 != 0
    let (weights, biases) = (self.weights(direction, [0, 2, 3, 1]), self.biases(direction, [0, 2, 3, 1]))
    let bias = biases.input + biases.hidden
    let (tanh, identity) = (ONNXActivation(.tanh), ONNXActivation(.affine))
    let zeros = Tensor.zeros([hiddenSize])
    let peepholes = try peepholes(direction)
    func variant<Variant: LSTMVariant>(_ type: LSTMVariantCell<Variant>.Type) -> LSTMVariantCell<Variant> {
      var cell = empty(type)
      (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
      cell.peepholes = [peepholes?.input ?? zeros, peepholes?.forget ?? zeros, peepholes?.output ?? zeros]
      return cell
    }
    func general() -> GeneralLSTMCell {
      var options = GeneralLSTMCell.Options(
        gates: functions[0].general, candidate: functions[1].general, output: functions[2].general)
      (options.hasPeepholes, options.isCoupled) = (peepholes != nil, isCoupled)
      return GeneralLSTMCell(
        weightInput: weights.input, weightHidden: weights.hidden, bias: bias,
        peepholes: peepholes.map { [$0.input, $0.forget, $0.output] } ?? [], options: options)
    }
    guard functions[0] == ONNXActivation(.sigmoid) else { return general() }
    switch (functions[1], functions[2], isCoupled) {
    case (identity, tanh, false): return variant(NoInputActivationLSTMCell.self)
    case (tanh, identity, false): return variant(NoOutputActivationLSTMCell.self)
    case (tanh, tanh, true):
      var cell = empty(CoupledGatesLSTMCell.self)
      let (weights, biases) = (self.weights(direction, [0, 3, 1]), self.biases(direction, [0, 3, 1]))
      (cell.weightInput, cell.weightHidden) = (weights.input, weights.hidden)
      cell.bias = biases.input + biases.hidden
      cell.peepholes = [peepholes?.input ?? zeros, peepholes?.output ?? zeros]
      return cell
    case (tanh, tanh, false):
      guard let peepholes else {
        var cell = empty(LSTMCell.self)
        (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
        return cell
      }
      var cell = empty(PeepholeLSTMCell.self)
      (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
      (cell.peepholeInput, cell.peepholeForget, cell.peepholeOutput) = (
        peepholes.input, peepholes.forget, peepholes.output
      )
      return cell
    default: return general()
    }
  }

  /// Blocks z r h.
  private func gru(_ direction: Int, _ functions: [ONNXActivation]) -> (any RecurrentCell)? {
    let resetsAfter = call.node.integer("linear_before_reset") ?? 0 != 0
    let (weights, biases) = (self.weights(direction, [1, 0, 2]), self.biases(direction, [1, 0, 2]))
    let bias = biases.input + biases.hidden
    func general() -> GeneralGRUCell {
      let (gates, candidate) = (0..<2 * hiddenSize, 2 * hiddenSize..<3 * hiddenSize)
      return GeneralGRUCell(
        weightInput: weights.input, weightHidden: weights.hidden,
        bias: concatenate([bias.slice(gates, axis: 0), biases.input.slice(candidate, axis: 0)], axis: 0),
        biasHidden: biases.hidden.slice(candidate, axis: 0),
        options: .init(gates: functions[0].general, candidate: functions[1].general, resetsAfter: resetsAfter))
    }
    guard functions[0] == ONNXActivation(.sigmoid) else { return general() }
    if functions[1] == ONNXActivation(.affine) {
      // z = 1 − σ(a) = σ(−a), where neither gate nor candidate sees the hidden state.
      guard weights.hidden.values.allSatisfy({ $0 == 0 }), !resetsAfter else { return general() }
      let (update, candidate) = (hiddenSize..<2 * hiddenSize, 2 * hiddenSize..<3 * hiddenSize)
      func blocks(_ tensor: Tensor) -> Tensor {
        concatenate([-tensor.slice(update, axis: 0), tensor.slice(candidate, axis: 0)], axis: 0)
      }
      var cell = empty(MinGRUCell.self)
      (cell.weightInput, cell.bias) = (blocks(weights.input), blocks(bias))
      return cell
    }
    guard functions[1] == ONNXActivation(.tanh) else { return general() }
    if resetsAfter {
      var cell = empty(GRUCell.self)
      let gates = 0..<2 * hiddenSize
      let candidate = 2 * hiddenSize..<3 * hiddenSize
      (cell.weightInput, cell.weightHidden) = (weights.input, weights.hidden)
      cell.bias = concatenate([bias.slice(gates, axis: 0), biases.input.slice(candidate, axis: 0)], axis: 0)
      cell.biasHidden = biases.hidden.slice(candidate, axis: 0)
      return cell
    }
    var cell = empty(GRUResetBeforeCell.self)
    (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
    return cell
  }

  private func rnn(_ direction: Int, _ functions: [ONNXActivation]) -> (any RecurrentCell)? {
    let (weights, biases) = (self.weights(direction, [0]), self.biases(direction, [0]))
    func cell<Function: ElmanActivation>(_ type: RNNCell<Function>.Type) -> RNNCell<Function> {
      var cell = empty(type)
      (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, biases.input + biases.hidden)
      return cell
    }
    return switch functions[0].function {
    case .tanh: cell(TanhRNNCell.self)
    case .relu: cell(ReLURNNCell.self)
    default:
      GeneralRNNCell(
        weightInput: weights.input, weightHidden: weights.hidden, bias: biases.input + biases.hidden,
        options: .init(function: functions[0].general))
    }
  }

  /// A cell to be filled.
  private func empty<Cell: RecurrentCell>(_ type: Cell.Type) -> Cell {
    var generator = RandomGenerator(seed: 0)
    return Cell(inputSize: 1, hiddenSize: 1, using: &generator)
  }
}
