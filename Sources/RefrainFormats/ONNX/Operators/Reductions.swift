import Refrain
import RefrainData

// Sums and their like along some axes.

extension ONNXOperators {
  /// A reduction of each row of `[N, width]` to one value, `[N]`.
  ///
  /// - Parameters:
  ///   - empty: what nothing is reduced to.
  ///   - integers: the same of a row of whole numbers, where there is such a thing.
  private static func reduction(
    _ name: String, empty: Float, integers: (@Sendable (ArraySlice<Int>) -> Int)? = nil,
    _ floats: @escaping @Sendable (Tensor) -> Tensor
  ) -> ONNXOperator {
    ONNXOperator(
      name, inputs: 1...2, ["axes": .integers, "keepdims": .integer, "noop_with_empty_axes": .integer]
    ) { call throws(DataError) in
      let value = try call.input(0)
      var axes = try call.optionalIntegers(1) ?? call.node.integers("axes") ?? []
      if axes.isEmpty {
        axes = call.node.integer("noop_with_empty_axes") ?? 0 != 0 ? [] : Array(value.shape.indices)
      }
      let reduced = try call.axes(axes, rank: value.rank)
      let (rows, width, kept) = rowShape(value.shape, reduced)
      let shape =
        call.node.integer("keepdims") ?? 1 != 0
        ? value.shape.indices.map { reduced.contains($0) ? 1 : value.shape[$0] } : kept
      try call.checkSize(shape, of: value.type)
      let turned = value.transposed(value.shape.indices.filter { !reduced.contains($0) } + reduced)
      if let integers, let whole = turned.integers {
        guard width > 0 || name != "ReduceMax" && name != "ReduceMin" else {
          throw call.fault("there is nothing to compare")
        }
        let results = (0..<rows).map { integers(whole[$0 * width..<($0 + 1) * width]) }
        return [ONNXValue(results, shape: shape, type: value.type)]
      }
      if value.type == .bool, name == "ReduceMax" || name == "ReduceMin" {
        // Whether any is true, and whether all are.
        let isAny = name == "ReduceMax"
        let truths = turned.booleans ?? []
        let results = (0..<rows).map { row in
          let part = truths[row * width..<(row + 1) * width]
          return isAny ? part.contains(true) : !part.contains(false)
        }
        return [ONNXValue(results, shape: shape)]
      }
      guard let tensor = turned.tensor else { throw call.fault("it cannot reduce the type \(value.type.onnxName)") }
      if width == 0 || rows == 0 { return [call.like(0, Tensor(repeating: empty, shape: shape))] }
      return [call.like(0, floats(tensor.reshaped([rows, width])).reshaped(shape))]
    }
  }

  /// How many rows are left, how wide they are, and the shape without the axes that are reduced.
  private static func rowShape(_ shape: [Int], _ reduced: [Int]) -> (rows: Int, width: Int, kept: [Int]) {
    let kept = shape.indices.filter { !reduced.contains($0) }.map { shape[$0] }
    return (kept.reduce(1, *), reduced.reduce(1) { $0 * shape[$1] }, kept)
  }

  static let reductions: [ONNXOperator] = [
    reduction("ReduceSum", empty: 0, integers: { $0.reduce(0, &+) }, { $0.sum(axes: [1]) }),
    reduction("ReduceMean", empty: .nan, integers: wholeMean, { $0.mean(axes: [1]) }),
    reduction("ReduceMax", empty: -.infinity, integers: { $0.max() ?? 0 }, { $0.maximum(axis: -1) }),
    reduction("ReduceMin", empty: .infinity, integers: { $0.min() ?? 0 }, { $0.minimum(axis: -1) }),
    reduction("ReduceProd", empty: 1, integers: { $0.reduce(1, &*) }, product),
    reduction(
      "ReduceL1", empty: 0, integers: { $0.reduce(0) { $0 &+ ($1 < 0 ? 0 &- $1 : $1) } }, { abs($0).sum(axes: [1]) }),
    reduction("ReduceL2", empty: 0) { sqrt($0.squared.sum(axes: [1])) },
    reduction(
      "ReduceSumSquare", empty: 0, integers: { $0.reduce(0) { $0 &+ $1 &* $1 } }, { $0.squared.sum(axes: [1]) }),
    reduction("ReduceLogSum", empty: -.infinity) { log($0.sum(axes: [1])) },
    reduction("ReduceLogSumExp", empty: -.infinity) { rows in
      // Without its greatest value no row overflows; that of a row of infinities is left in place.
      let greatest = rows.maximum(axis: -1, keepingAxis: true).detached.map(derivative: nil) { $0.isFinite ? $0 : 0 }
      return log(exp(rows - greatest).sum(axes: [1])) + greatest.reshaped([rows.shape[0]])
    },
    place("ArgMax") { $0 > $1 },
    place("ArgMin") { $0 < $1 },
    ONNXOperator(
      "TopK", inputs: 1...2, outputs: 2, ["axis": .integer, "k": .integer, "largest": .integer, "sorted": .integer],
      learned: [0], run: greatest),
    ONNXOperator("CumSum", inputs: 2...2, ["exclusive": .integer, "reverse": .integer], learned: [0], run: runningSum),
  ]

  @Sendable private static func wholeMean(_ values: ArraySlice<Int>) -> Int {
    values.isEmpty ? 0 : values.reduce(0, &+) / values.count
  }

  @Sendable private static func product(_ rows: Tensor) -> Tensor {
    (1..<max(rows.shape[1], 1)).reduce(rows.at(0, axis: 1)) { $0 * rows.at($1, axis: 1) }
  }

  /// Where along an axis the first value stands, or the last one, that `isBetter` than all others.
  private static func place(_ name: String, isBetter: @escaping @Sendable (Float, Float) -> Bool) -> ONNXOperator {
    ONNXOperator(name, ["axis": .integer, "keepdims": .integer, "select_last_index": .integer]) {
      call throws(DataError) in
      let value = try call.input(0)
      let axis = try call.axis(call.node.integer("axis") ?? 0, rank: value.rank)
      let (rows, width, kept) = rowShape(value.shape, [axis])
      guard width > 0 else { throw call.fault("there is nothing to compare in shape \(value.shape)") }
      let isLast = call.node.integer("select_last_index") ?? 0 != 0
      let values = value.transposed(value.shape.indices.filter { $0 != axis } + [axis]).asTensor.values
      let results = (0..<rows).map { row in
        (1..<max(width, 1)).reduce(0) { best, next in
          let (a, b) = (values[row * width + next], values[row * width + best])
          return isBetter(a, b) || isLast && a == b ? next : best
        }
      }
      let keeps = call.node.integer("keepdims") ?? 1 != 0
      return [ONNXValue(results, shape: keeps ? value.shape.indices.map { $0 == axis ? 1 : value.shape[$0] } : kept)]
    }
  }

  @Sendable private static func runningSum(_ call: ONNXCall) throws(DataError) -> [ONNXValue] {
    let value = try call.input(0)
    let axis = try call.axis(Int(saturating: try call.number(1)), rank: value.rank)
    let (isExclusive, isReversed) = (
      call.node.integer("exclusive") ?? 0 != 0, call.node.integer("reverse") ?? 0 != 0
    )
    let order = value.shape.indices.filter { $0 != axis } + [axis]
    let inverse = order.indices.sorted { order[$0] < order[$1] }
    let turned = value.transposed(order)
    if let tensor = turned.tensor {
      let sums = tensor.cumulativeSum(isExclusive: isExclusive, isReversed: isReversed)
      return [ONNXValue(sums, type: value.type).transposed(inverse)]
    }
    guard var whole = turned.integers else { throw call.fault("its input are truth values") }
    let width = value.shape[axis]
    for row in 0..<(width == 0 ? 0 : value.count / width) {
      var sum = 0
      for step in 0..<width {
        let place = row * width + (isReversed ? width - 1 - step : step)
        let next = sum &+ whole[place]
        whole[place] = isExclusive ? sum : next
        sum = next
      }
    }
    return [ONNXValue(whole, shape: turned.shape, type: value.type).transposed(inverse)]
  }
}
