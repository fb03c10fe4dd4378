import Refrain

/// A loop over the rows, in whose body a loop goes over the columns.
extension GridLSTM: ONNXExportable {
  public func export(
    _ input: ONNXGraphValue, named name: String, to graph: inout ONNXGraphBuilder
  ) -> ONNXGraphValue {
    let size = configuration.hiddenSize
    let weights = namedTensors.map { graph.weight(joined(name, $0.name), $0.tensor) }
    // [rows, columns, B, 8H]
    let sums = graph.transposed(
      graph.sum(graph.matrixProduct(input, graph.transposed(weights[0], [1, 0])), weights[2]), [1, 2, 0, 3])
    let (batch, columns) = (graph.extent(input, axis: 0), graph.extent(input, axis: 2))
    func zeros(_ extents: [ONNXGraphValue], to graph: inout ONNXGraphBuilder) -> ONNXGraphValue {
      let shape = graph.add("Concat", extents + [graph.integers([size])], ["axis": .integer(0)])
      return graph.add("Expand", [graph.scalar(0), shape], rank: extents.count + 1)
    }
    let above = zeros([columns, batch], to: &graph)
    let left = zeros([batch], to: &graph)

    func place(_ width: Int) -> [ONNXGraphBuilder.Extent] { [.named("batch"), .fixed(width)] }
    func row(_ width: Int) -> [ONNXGraphBuilder.Extent] { [.named("columns")] + place(width) }
    let line = graph.body(of: joined(name, "row"), taking: [size, size, 8 * size].map { .init(shape: row($0)) }) {
      graph, given in
      let ports = [size, size, size, size, 8 * size].map { ONNXGraphBuilder.Port(shape: place($0)) }
      let step = graph.body(of: joined(name, "column"), taking: ports) { graph, given in
        let (right, down) = (given[..<2], given[2..<4])
        let hidden = graph.add("Concat", [down[2], right[0]], ["axis": .integer(1)])
        let all = graph.sum(given[4], graph.matrixProduct(hidden, weights[1], isOtherTurned: true))
        let ways = graph.blocks(all, 2, size: 4 * size)
        let below = graph.gatesOfLSTM(ways[0], down[3], size: size, hasOutput: true)
        let beside = graph.gatesOfLSTM(ways[1], right[1], size: size, hasOutput: true)
        let shown = graph.add("Concat", [below[0], beside[0]], ["axis": .integer(1)])
        return (beside + below).map { ($0, place(size)) } + [(shown, place(2 * size))]
      }
      let results = graph.add(
        "Scan", [left, left] + given, ranks: [2, 2, 3, 3, 3], ["body": step, "num_scan_inputs": .integer(3)])
      return [(results[2], row(size)), (results[3], row(size)), (results[4], row(2 * size))]
    }
    let results = graph.add(
      "Scan", [above, above, sums], ranks: [3, 3, 4], ["body": line, "num_scan_inputs": .integer(1)])
    return graph.transposed(results[2], [2, 0, 1, 3])
  }
}
