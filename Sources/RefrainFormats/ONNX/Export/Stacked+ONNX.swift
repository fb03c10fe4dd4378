import Refrain

extension Stacked: ONNXExportable, ONNXRecurrentLayer {
  public var onnxObstacles: [String] {
    // All levels have one kind of cell and one regularization.
    levels.prefix(1).flatMap { ($0 as? any ONNXExportable)?.onnxObstacles ?? ["the layer \(Level.kind)"] }
  }

  func exportScan(
    _ input: ONNXGraphValue, named name: String, level: Int, to graph: inout ONNXGraphBuilder
  ) -> (outputs: ONNXGraphValue, last: ONNXGraphValue) {
    var (outputs, last) = (input, input)
    var memories: (outputs: ONNXGraphValue?, last: ONNXGraphValue?)
    let connection = ONNXConnection(configuration.connection, links, named: name, to: &graph)
    for (index, layer) in levels.enumerated() {
      guard let layer = layer as? any ONNXRecurrentLayer else { continue }
      let hasBelow = index > 0
      let read = hasBelow && Self.lastColumn != nil ? graph.withLastColumn(outputs, of: input) : outputs
      let result = layer.exportScan(read, named: name, level: level + index, to: &graph)
      outputs = connection.connect(
        result.outputs, below: hasBelow ? outputs : nil, index, &memories.outputs, to: &graph)
      last = connection.connect(result.last, below: hasBelow ? last : nil, index, &memories.last, to: &graph)
    }
    // A connection with a bias would say something of steps that are not there.
    return (configuration.connection == .direct ? outputs : graph.masked(outputs, timeFirst: true), last)
  }
}

extension ONNXGraphBuilder {
  /// The outputs of a level `[T, B, W]` with the last column of the stack's input, which is the time or a score.
  fileprivate mutating func withLastColumn(_ outputs: ONNXGraphValue, of input: ONNXGraphValue) -> ONNXGraphValue {
    let column = add("Slice", [input, integers([-1]), integers([Int.max]), integers([2])])
    return add("Concat", [outputs, column], ["axis": .integer(2)])
  }
}

/// The connections between the levels of a stack, as parts of a graph.
private struct ONNXConnection {
  private let connection: Connection
  private let highways: [(weight: ONNXGraphValue, bias: ONNXGraphValue)]
  private let depth: (cell: RecurrentOperator, operands: [ONNXGraphValue])?

  init(_ connection: Connection, _ links: Links, named name: String, to graph: inout ONNXGraphBuilder) {
    self.connection = connection
    var highways: [(weight: ONNXGraphValue, bias: ONNXGraphValue)] = []
    for (index, highway) in links.highways.enumerated() {
      let name = joined(name, "highway_l\(index + 1)")
      highways.append(
        (graph.weight(name + ".weight", highway.weight.transposed), graph.weight(name + ".bias", highway.bias)))
    }
    self.highways = highways
    guard let cell = links.depth.first?.onnxOperator else {
      depth = nil
      return
    }
    let tensors = [("W", cell.weightInput), ("R", cell.weightHidden), ("B", cell.bias)]
    var operands: [ONNXGraphValue] = []
    for (letter, tensor) in tensors {
      operands.append(graph.weight(joined(name, "depth.\(letter)"), stack([tensor])))
    }
    depth = (cell, operands)
  }

  /// The output of a level; see ``Connection``.
  func connect(
    _ y: ONNXGraphValue, below: ONNXGraphValue?, _ level: Int, _ memory: inout ONNXGraphValue?,
    to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    if let (cell, operands) = depth {
      // One step of an LSTM, whose batch is every place of this one: [1, N, W].
      let rows = [1, -1, cell.hiddenSize]
      let step = graph.reshaped(y, rows)
      let hidden = below.map { graph.reshaped($0, rows) }
      let results = graph.add(
        cell.name, [step] + operands + [nil, hidden, memory], ranks: [4, 3, 3],
        ["hidden_size": .integer(cell.hiddenSize)])
      memory = results[2]
      let shape = graph.add("Shape", [y], rank: 1, type: .int64)
      return graph.add("Reshape", [results[1], shape], rank: y.rank)
    }
    switch (connection, below) {
    case (.residual, let x?): return graph.sum(x, y)
    case (.highway, let x?):
      let (weight, bias) = highways[level - 1]
      let gate = graph.add("Sigmoid", [graph.sum(graph.matrixProduct(x, weight), bias)])
      return graph.sum(x, graph.product(gate, graph.difference(y, x)))
    default: return y
    }
  }
}
