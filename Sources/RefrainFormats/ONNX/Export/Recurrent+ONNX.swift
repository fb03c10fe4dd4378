import Refrain
import RefrainData

/// A recurrent layer, alone or as a level of a stack.
protocol ONNXRecurrentLayer: RecurrentLayer, ONNXExportable {
  /// Adds all its steps to a graph.
  ///
  /// - Parameters:
  ///   - input: `[T, B, I]`
  ///   - name: what its tensors are called.
  ///   - level: the number of the level that it is of a stack, which is part of these names.
  ///   - graph: where its operators go.
  /// - Returns: the outputs `[T, B, …]`, 0 past each length, and those at the last valid steps, `[B, …]`.
  func exportScan(
    _ input: ONNXGraphValue, named name: String, level: Int, to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue)
}

extension ONNXRecurrentLayer {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    graph.closingGaps(of: input, hasSteps: returning == .everyStep) { input, graph in
      let result = exportScan(graph.swappingBatchAndTime(input), named: name, level: 0, to: &graph)
      return returning == .everyStep ? graph.swappingBatchAndTime(result.outputs) : result.last
    }
  }
}

extension Recurrent: ONNXExportable, ONNXRecurrentLayer {
  public var onnxObstacles: [String] { cell.onnxObstacles(regularization) }

  func exportScan(
    _ input: ONNXGraphValue, named name: String, level: Int, to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue) {
    let (outputs, last) = graph.addRecurrent([self], input, named: name, level: level)
    return (graph.squeezed(outputs, axis: 1), graph.squeezed(last, axis: 0))
  }
}

extension Bidirectional: ONNXExportable, ONNXRecurrentLayer {
  public var onnxObstacles: [String] { forward.onnxObstacles }

  func exportScan(
    _ input: ONNXGraphValue, named name: String, level: Int, to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue) {
    let (outputs, last) = graph.addRecurrent([forward, backward], input, named: name, level: level)
    let merge = configuration.merge
    return (merge.export(outputs, axis: 1, to: &graph), merge.export(last, axis: 0, to: &graph))
  }
}

extension Merge {
  /// Adds the merging of what stands along an axis, `[…, 2, B, H]`, to a graph.
  fileprivate func export(
    _ value: ONNXGraphValue, axis: Int, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    switch self {
    case .concatenate, .separate:
      // […, B, 2, H]
      let order = Array(0..<axis) + [axis + 1, axis, axis + 2]
      let apart = graph.add("Transpose", [value], ["perm": .integers(order)])
      guard self == .concatenate else { return apart }
      return graph.add(
        "Reshape", [apart, graph.integers(Array(repeating: 0, count: axis + 1) + [-1])], rank: axis + 2)
    case .sum, .average:
      let sum = graph.add(
        "ReduceSum", [value, graph.integers([axis])], rank: value.rank - 1, ["keepdims": .integer(0)])
      return self == .sum ? sum : graph.product(sum, graph.scalar(0.5))
    case .multiply:
      let parts = graph.add(
        "Split", [value, graph.integers([1, 1])], ranks: [value.rank, value.rank], ["axis": .integer(axis)])
      return graph.squeezed(graph.product(parts[0], parts[1]), axis: axis)
    }
  }
}

extension ONNXGraphBuilder {
  /// Adds the steps of one direction, or of both, with their states: one of ONNX's recurrent operators where there is
  /// one for the cell, else a loop for each direction.
  ///
  /// - Parameters:
  ///   - layers: the layer of each direction.
  ///   - input: `[T, B, I]`
  /// - Returns: the outputs `[T, D, B, H]`, and what is shown at the last valid steps, `[D, B, H]`.
  fileprivate mutating func addRecurrent<Cell: RecurrentCell>(
    _ layers: [Recurrent<Cell>], _ input: ONNXGraphValue, named name: String, level: Int
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue) {
    let states = layers[0].cell.initialState(batch: 1).namedTensors.map { state, tensor in
      (
        name: "\(joined(name, state))_l\(level)",
        extents: [.fixed(layers.count), .named("batch")]
          + tensor.shape.dropFirst().map { Extent.fixed($0) }
      )
    }
    var given: [ONNXGraphValue?] = states.map { _ in nil }
    if options.states {
      for (index, state) in states.enumerated() {
        given[index] = addInput("initial." + state.name, .float32, state.extents)
      }
    }
    let isOneOperator = layers[0].cell.isOneOperator(layers[0].regularization)
    let result =
      isOneOperator
      ? addOperator(layers, input, from: given, named: name, level: level)
      : addLoops(layers, input, from: given, named: name, level: level)
    if options.states {
      for (state, value) in zip(states, result.states) { addOutput("final." + state.name, value, state.extents) }
    }
    return (result.outputs, result.last)
  }

  /// A loop for each direction; the parameters are those of ``addRecurrent(_:_:named:level:)``.
  ///
  /// - Parameter given: the states before the first step, `[D, B, …]` each; nil where they are the layer's own.
  private mutating func addLoops<Cell: RecurrentCell>(
    _ layers: [Recurrent<Cell>], _ input: ONNXGraphValue, from given: [ONNXGraphValue?], named name: String,
    level: Int
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue, states: [ONNXGraphValue]) {
    let batch = extent(input, axis: 1)
    let parts = given.map { $0.map { split($0, into: layers.count) } }
    var results: [(outputs: ONNXGraphValue, states: [ONNXGraphValue], last: ONNXGraphValue)] = []
    for (direction, layer) in layers.enumerated() {
      let suffix = "_l\(level)" + (direction == 0 ? "" : "_reverse")
      var states: [ONNXGraphValue] = []
      for (index, state) in layer.initialMemory(batch: 1).namedTensors.enumerated() {
        states.append(
          parts[index]?[direction]
            ?? own(state.tensor, joined(name, "initial_" + state.name + suffix), batch: batch))
      }
      results.append(
        ONNXLoop(layer: layer, name: name, suffix: suffix).export(input, from: states, batch: batch, to: &self))
    }
    let states = given.indices.map { index in stacked(results.map { $0.states[index] }, axis: 0) }
    return (stacked(results.map(\.outputs), axis: 1), stacked(results.map(\.last), axis: 0), states)
  }

  /// A layer's own state before the first step, `[1, …]`, for every sequence.
  private mutating func own(_ state: Tensor, _ name: String, batch: ONNXGraphValue) -> ONNXGraphValue {
    let stored = state.values.allSatisfy { $0 == 0 } ? scalar(0) : weight(name, state)
    return expanded(stored, to: [-1] + state.shape.dropFirst(), batch: batch)
  }

  /// What stands along the first axis, each without it.
  private mutating func split(_ value: ONNXGraphValue, into count: Int) -> [ONNXGraphValue] {
    let ones = integers(Array(repeating: 1, count: count))
    let parts =
      count == 1
      ? [value]
      : add("Split", [value, ones], ranks: Array(repeating: value.rank, count: count), ["axis": .integer(0)])
    return parts.map { squeezed($0, axis: 0) }
  }

  /// Values along an axis that they do not have.
  private mutating func stacked(_ values: [ONNXGraphValue], axis: Int) -> ONNXGraphValue {
    let parts = values.map { unsqueezed($0, axis: axis) }
    return parts.count == 1 ? parts[0] : add("Concat", parts, ["axis": .integer(axis)])
  }

  /// A recurrent operator for all directions; the parameters are those of ``addLoops(_:_:from:named:level:)``.
  private mutating func addOperator<Cell: RecurrentCell>(
    _ layers: [Recurrent<Cell>], _ input: ONNXGraphValue, from given: [ONNXGraphValue?], named name: String,
    level: Int
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue, states: [ONNXGraphValue]) {
    let operators = layers.compactMap { ($0.cell as? any ONNXCell)?.onnxOperator }
    let kind = operators[0]
    func tensorName(_ letter: String) -> String { joined(name, "\(letter)_l\(level)") }
    var initial = given
    if !options.states {
      for (index, state) in layers[0].cell.initialState(batch: 1).namedTensors.enumerated() {
        initial[index] = learned(layers, index, tensorName("initial_\(state.name)"), input)
      }
    }
    let peepholes = operators.compactMap(\.peepholes)
    let operands: [ONNXGraphValue?] = [
      input, weight(tensorName("W"), stack(operators.map(\.weightInput))),
      weight(tensorName("R"), stack(operators.map(\.weightHidden))),
      weight(tensorName("B"), stack(operators.map(\.bias))), sequenceLengths,
    ]
    let results = add(
      kind.name,
      operands + initial + (peepholes.isEmpty ? [] : [weight(tensorName("P"), stack(peepholes))]),
      ranks: [4] + initial.map { _ in 3 },
      attributes(kind, direction: layers[0].configuration.direction, directions: layers.count))
    let states = initial.enumerated().map { index, before in kept(before, results[index + 1]) }
    return (results[0], states[0], states)
  }

  private func attributes(
    _ kind: RecurrentOperator, direction: Direction, directions: Int
  ) -> [String: Attribute] {
    var attributes = kind.attributes
    attributes["hidden_size"] = .integer(kind.hiddenSize)
    if directions == 2 {
      attributes["direction"] = .text("bidirectional")
    } else if direction == .backward {
      attributes["direction"] = .text("reverse")
    }
    guard !kind.activations.isEmpty else { return attributes }
    let functions = Array(repeating: kind.activations, count: directions).flatMap { $0 }
    attributes["activations"] = .texts(functions)
    // The factor and the shift of each function that has them.
    let affine = functions.count { $0 == "Affine" }
    if affine > 0 {
      attributes["activation_alpha"] = .floats(Array(repeating: 1, count: affine))
      attributes["activation_beta"] = .floats(Array(repeating: 0, count: affine))
    }
    return attributes
  }

  /// The lengths in the type that recurrent operators want.
  private var sequenceLengths: ONNXGraphValue? {
    mutating get { lengths.map { add("Cast", [$0], type: .int32, ["to": .integer(6)]) } }
  }

  /// A state that is learned, for every sequence of the input `[T, B, I]`; nil where it is zeros.
  private mutating func learned<Cell: RecurrentCell>(
    _ layers: [Recurrent<Cell>], _ index: Int, _ name: String, _ input: ONNXGraphValue
  ) -> ONNXGraphValue? {
    let rows = layers.compactMap { $0.learnedState?.tensors[index] }
    guard rows.count == layers.count else { return nil }
    let stored = weight(name, stack(rows))
    let shape = add(
      "Concat", [integers([1]), extent(input, axis: 1), integers([1])], ["axis": .integer(0)])
    return add("Expand", [stored, shape])
  }

  /// The state after the last step `[D, B, H]`, which where a sequence has no step is the one before: ONNX Runtime's
  /// operators give zeros there.
  private mutating func kept(_ initial: ONNXGraphValue?, _ state: ONNXGraphValue) -> ONNXGraphValue {
    guard let initial, let lengths else { return state }
    let isEmpty = add("Equal", [lengths, integers([0])], type: .bool)
    return select(unsqueezed(isEmpty, axes: [1]), initial, state)
  }
}
