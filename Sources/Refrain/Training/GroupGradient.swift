/// The gradient of a model on its way through all processes of a group: each adds its own, times its weight.
///
/// The gradients lie in one memory, in the order in which the backward pass finds them: those of the last layers first.
/// They are exchanged in buckets, each as soon as the gradients in it are final, while the backward pass goes on; in
/// this order, so that all processes exchange the same.
///
/// Gradients of which few rows are used, as those of embeddings are, are exchanged at the end, and only the rows that a
/// process has used. Which tensors these are is settled with the first gradient.
final class GroupGradient: BackwardWatcher {
  private let group: any TrainingGroup
  private let shapes: [[Int]]
  /// Which tensors go by rows, and where the others lie; nil before the first gradient.
  private var layout: GradientLayout?
  private var values = UnsafeMutableBufferPointer<Float>.allocate(capacity: 0)
  private var weight: Float = 0
  private var isFilled: [Bool] = []
  /// How many tensors of each bucket are not final yet.
  private var missing: [Int] = []
  private var begun = 0
  /// Told the value of the loss once it is known; says what the gradient weighs.
  var weigh: (_ loss: Float) -> Double = { _ in 0 }

  init(_ model: some TensorGroup, in group: any TrainingGroup) {
    self.group = group
    shapes = model.tensors.map(\.shape)
  }

  deinit { values.deallocate() }

  // MARK: - The backward pass

  /// Begins a gradient; nothing of it is exchanged before the weight is known.
  func begin() {
    weight = 0
    begun = 0
    isFilled = shapes.map { _ in false }
    missing = layout?.buckets.map(\.tensors) ?? []
  }

  func computed(_ value: Float) { weight = Float(weigh(value)) }

  func isFinal(_ gradient: Tensor?, of variable: Int) {
    if let layout, let place = layout.places[variable] { fill(variable, place, gradient) }
  }

  /// Puts the gradient of a tensor into its place, and begins to exchange the buckets that are full.
  private func fill(_ tensor: Int, _ place: GradientLayout.Place, _ gradient: Tensor?) {
    guard !isFilled[tensor], let base = values.baseAddress, let layout else { return }
    isFilled[tensor] = true
    let (start, count) = (base + place.values.lowerBound, place.values.count)
    start.update(repeating: 0, count: count)
    // Where nothing counts in a share, its numbers mean nothing.
    if let gradient, weight > 0 { gradient.read { kernels.addScaled(count, weight, $0, start) } }
    missing[place.bucket] -= 1
    while begun < missing.count, missing[begun] == 0 {
      group.beginSum(UnsafeMutableBufferPointer(rebasing: values[layout.buckets[begun].values]))
      begun += 1
    }
  }

  // MARK: - The sum

  /// Exchanges what is not yet on its way, and waits for all.
  ///
  /// - Parameters:
  ///   - own: the gradient of this process; nil where its share of the batch was empty.
  ///   - own weight: what it weighs; nil if ``computed(_:)`` has said so.
  /// - Returns: Σ w g of all processes, by tensors; the caller divides.
  func sum(_ own: [Tensor]?, weight: Double? = nil) throws(TrainingError) -> GradientSum {
    if let weight { self.weight = Float(weight) }
    let layout = try agreedLayout(own)
    for tensor in shapes.indices.reversed() {
      if let place = layout.places[tensor] { fill(tensor, place, own?[tensor]) }
    }
    let rows = try layout.sparse.isEmpty ? [:] : sumRows(own, layout.sparse)
    try group.finish()
    return GradientSum { [self] factor in
      shapes.indices.map { tensor in
        if let rows = rows[tensor] { return rows.tensor(shape: shapes[tensor], factor: factor) }
        var mean = Tensor.zeros(shapes[tensor])
        if let place = layout.places[tensor]?.values, let base = values.baseAddress {
          mean.write { kernels.addScaled(place.count, factor, UnsafePointer(base + place.lowerBound), $0) }
        }
        return mean
      }
    }
  }

  /// Where gradients lie. A tensor's gradient goes by rows where a process has rows of it, and none has more.
  private func agreedLayout(_ own: [Tensor]?) throws(TrainingError) -> GradientLayout {
    if let layout { return layout }
    let kinds = shapes.indices.map { tensor -> UInt64 in
      guard let gradient = own?[tensor], weight > 0 else { return 0 }
      if gradient.sparseRows != nil { return 2 }
      return gradient.rows == nil ? 0 : 1
    }
    let all = try group.gather(kinds)
    let layout = GradientLayout(shapes) { tensor in
      all.contains { $0[tensor] == 2 } && !all.contains { $0[tensor] == 1 }
    }
    values.deallocate()
    values = .allocate(capacity: layout.count)
    values.initialize(repeating: 0)
    self.layout = layout
    missing = layout.buckets.map(\.tensors)
    return layout
  }

  /// Begins to add up the gradients that go by rows.
  private func sumRows(_ own: [Tensor]?, _ tensors: [Int]) throws(TrainingError) -> [Int: SummedRows] {
    // Which rows each process has, a bit each.
    var bits: [UInt64] = []
    var starts: [Int] = []
    let rows = tensors.map { tensor -> SparseRows? in
      starts.append(bits.count)
      bits += repeatElement(0, count: (shapes[tensor][0] + 63) / 64)
      guard weight > 0, let gradient = own?[tensor], let rows = gradient.rows else { return nil }
      for row in rows.indices { bits[starts.last! + row / 64] |= 1 << UInt64(row % 64) }
      return rows
    }
    let all = try group.gather(bits)
    var sums: [Int: SummedRows] = [:]
    for (number, tensor) in tensors.enumerated() {
      let used = (0..<shapes[tensor][0]).filter { row in
        let bit: UInt64 = 1 << UInt64(row % 64)
        return all.contains { $0[starts[number] + row / 64] & bit != 0 }
      }
      let sum = SummedRows(indices: used, columns: shapes[tensor][1])
      if let rows = rows[number] { sum.add(rows, times: weight) }
      if !used.isEmpty { group.beginSum(sum.values) }
      sums[tensor] = sum
    }
    return sums
  }
}

/// Where the gradients of tensors lie while they are exchanged: the last tensor's first, in buckets.
private struct GradientLayout {
  struct Place {
    let values: Range<Int>
    let bucket: Int
  }

  /// By tensors; nil for one whose gradient goes by rows.
  private(set) var places: [Place?]
  /// The tensors whose gradients go by rows.
  private(set) var sparse: [Int] = []
  private(set) var buckets: [(values: Range<Int>, tensors: Int)] = []
  /// The number of values.
  private(set) var count = 0

  /// At least so many values make a bucket: at 1 Gbit/s 1 MB takes 8 ms, many times what it takes to begin.
  private static let bucketSize = 1 << 18

  init(_ shapes: [[Int]], isSparse: (_ tensor: Int) -> Bool) {
    places = shapes.map { _ in nil }
    for tensor in shapes.indices.reversed() {
      guard !isSparse(tensor) else {
        sparse.append(tensor)
        continue
      }
      let range = count..<count + shapes[tensor].reduce(1, *)
      count = range.upperBound
      if let last = buckets.last, last.values.count < Self.bucketSize {
        buckets[buckets.count - 1] = (last.values.lowerBound..<count, last.tensors + 1)
      } else {
        buckets.append((range, 1))
      }
      places[tensor] = Place(values: range, bucket: buckets.count - 1)
    }
  }
}

/// The sum of the gradients of all processes, each times its weight.
struct GradientSum {
  /// The sum times a factor, by tensors.
  let tensors: (_ factor: Float) -> [Tensor]
}

/// The rows of a gradient that some process has used.
private final class SummedRows {
  let indices: [Int]
  let columns: Int
  let values: UnsafeMutableBufferPointer<Float>

  init(indices: [Int], columns: Int) {
    (self.indices, self.columns) = (indices, columns)
    values = .allocate(capacity: indices.count * columns)
    values.initialize(repeating: 0)
  }

  deinit { values.deallocate() }

  func add(_ rows: SparseRows, times factor: Float) {
    let base = values.baseAddress!
    rows.values.read { source in
      var place = 0
      for (row, index) in rows.indices.enumerated() {
        while indices[place] != index { place += 1 }
        kernels.addScaled(columns, factor, source + row * columns, base + place * columns)
      }
    }
  }

  func tensor(shape: [Int], factor: Float) -> Tensor {
    var result = Tensor.zeros([indices.count, columns])
    if let base = values.baseAddress, !indices.isEmpty {
      result.write { kernels.addScaled(values.count, factor, UnsafePointer(base), $0) }
    }
    return Tensor(sparseRows: SparseRows(indices: indices, values: result), shape: shape)
  }
}

extension Tensor {
  /// The rows of a gradient: all of them where it does not go by rows, none where it is zero.
  fileprivate var rows: SparseRows? {
    if let sparseRows { return sparseRows }
    let isZero = read { values in !(0..<count).contains { values[$0] != 0 } }
    return isZero || rank == 0 ? nil : SparseRows(indices: Array(0..<shape[0]), values: self)
  }
}
