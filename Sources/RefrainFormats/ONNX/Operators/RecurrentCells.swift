import Refrain
import RefrainData

// Which of Refrain's cells a node is: the fused ones where its attributes are the defaults, else one that takes them
// all.

/// Cells to be filled with the weights of a node; what they are made with is thrown away.
private func blank<Cell: RecurrentCell>(_ type: Cell.Type) -> Cell {
  var generator = RandomGenerator(seed: 0)
  return Cell(inputSize: 1, hiddenSize: 1, using: &generator)
}

extension ONNXOperators {
  /// Blocks i o f c.
  @Sendable static func lstm(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let node = try ONNXRecurrentCall(call)
    let isCoupled = call.node.integer("input_forget") ?? 0 != 0
    return try node.results { direction throws(DataError) in
      let (way, activations) = node.attributes.directions[direction]
      let isPlain =
        node.attributes.clip == nil
        && activations == [ONNXActivation(.sigmoid), ONNXActivation(.tanh), ONNXActivation(.tanh)]
      // The blocks of Refrain's cells are i f c o, and i c o where the forget gate is what the input gate leaves.
      let order = isPlain && isCoupled ? [0, 3, 1] : [0, 2, 3, 1]
      let (weights, biases) = (node.weights(direction, order), node.biases(direction, order))
      let bias = biases.input + biases.hidden
      let peepholes = try node.peepholes(direction)
      let state = LSTMCell.State(
        hidden: try node.initialState(5, direction), cell: try node.initialState(6, direction))
      func scan<Cell: RecurrentCell>(_ cell: Cell) -> (outputs: Tensor, states: [Tensor])
      where Cell.State == LSTMCell.State {
        let result = node.scan(cell, from: state, way)
        return (result.outputs, [result.state.hidden, result.state.cell])
      }
      let zeros = Tensor.zeros([node.hiddenSize])
      if !isPlain {
        var options = GeneralLSTMCell.Options(
          gates: activations[0].general, candidate: activations[1].general, output: activations[2].general)
        (options.hasPeepholes, options.isCoupled) = (peepholes != nil, isCoupled)
        options.clip = node.attributes.clip
        return scan(
          GeneralLSTMCell(
            weightInput: weights.input, weightHidden: weights.hidden, bias: bias,
            peepholes: peepholes.map { [$0.input, $0.forget, $0.output] } ?? [], options: options))
      }
      if isCoupled {
        var cell = blank(CoupledGatesLSTMCell.self)
        (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
        cell.peepholes = [peepholes?.input ?? zeros, peepholes?.output ?? zeros]
        return scan(cell)
      }
      if let peepholes {
        var cell = blank(PeepholeLSTMCell.self)
        (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
        (cell.peepholeInput, cell.peepholeForget, cell.peepholeOutput) = (
          peepholes.input, peepholes.forget, peepholes.output
        )
        return scan(cell)
      }
      var cell = blank(LSTMCell.self)
      (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
      return scan(cell)
    }
  }

  /// Blocks z r h.
  @Sendable static func gru(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let node = try ONNXRecurrentCall(call)
    let resetsAfter = call.node.integer("linear_before_reset") ?? 0 != 0
    return try node.results { direction throws(DataError) in
      let (way, activations) = node.attributes.directions[direction]
      let order = [1, 0, 2]
      let (weights, biases) = (node.weights(direction, order), node.biases(direction, order))
      let state = HiddenState(hidden: try node.initialState(5, direction))
      func scan<Cell: RecurrentCell>(_ cell: Cell) -> (outputs: Tensor, states: [Tensor])
      where Cell.State == HiddenState {
        let result = node.scan(cell, from: state, way)
        return (result.outputs, [result.state.hidden])
      }
      let size = node.hiddenSize
      // The candidate's own recurrent bias stands within the product with the reset gate.
      let inner = biases.hidden.slice(2 * size..<3 * size, axis: 0)
      let gates =
        biases.input + Refrain.concatenate([biases.hidden.slice(0..<2 * size, axis: 0), .zeros([size])], axis: 0)
      let isPlain =
        node.attributes.clip == nil && activations == [ONNXActivation(.sigmoid), ONNXActivation(.tanh)]
      if !isPlain {
        var options = GeneralGRUCell.Options(
          gates: activations[0].general, candidate: activations[1].general, resetsAfter: resetsAfter)
        options.clip = node.attributes.clip
        return scan(
          GeneralGRUCell(
            weightInput: weights.input, weightHidden: weights.hidden, bias: gates, biasHidden: inner,
            options: options))
      }
      if resetsAfter {
        var cell = blank(GRUCell.self)
        (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, gates)
        cell.biasHidden = inner
        return scan(cell)
      }
      var cell = blank(GRUResetBeforeCell.self)
      (cell.weightInput, cell.weightHidden, cell.bias) = (
        weights.input, weights.hidden, biases.input + biases.hidden
      )
      return scan(cell)
    }
  }

  @Sendable static func rnn(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let node = try ONNXRecurrentCall(call)
    return try node.results { direction throws(DataError) in
      let (way, activations) = node.attributes.directions[direction]
      let (weights, biases) = (node.weights(direction, [0]), node.biases(direction, [0]))
      let bias = biases.input + biases.hidden
      let state = HiddenState(hidden: try node.initialState(5, direction))
      func scan<Cell: RecurrentCell>(_ cell: Cell) -> (outputs: Tensor, states: [Tensor])
      where Cell.State == HiddenState {
        let result = node.scan(cell, from: state, way)
        return (result.outputs, [result.state.hidden])
      }
      let function = node.attributes.clip == nil ? activations[0].function : nil
      if function == .tanh {
        var cell = blank(TanhRNNCell.self)
        (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
        return scan(cell)
      }
      if function == .relu {
        var cell = blank(ReLURNNCell.self)
        (cell.weightInput, cell.weightHidden, cell.bias) = (weights.input, weights.hidden, bias)
        return scan(cell)
      }
      var options = GeneralRNNCell.Options(function: activations[0].general)
      options.clip = node.attributes.clip
      return scan(
        GeneralRNNCell(weightInput: weights.input, weightHidden: weights.hidden, bias: bias, options: options))
    }
  }
}
