/// An array of 32-bit floats of any rank, row-major, with value semantics: copies share memory until one is written.
///
/// Shapes are named by one legend everywhere: **T** time, **B** batch, **I** input size, **H** hidden size, **G** gate
/// blocks, **D** directions, **V** vocabulary, **N** rows of any kind.
public struct Tensor: Sendable {
  /// The size along each axis; empty for a scalar.
  public let shape: [Int]
  /// The values, unless ``sparseRows`` holds them.
  private var stored: Storage
  /// Where the running recorder keeps what it knows of this tensor, if it does.
  var place = Recording.Place.none
  /// The rows that differ from zero, when the tensor is the gradient of a table of which few rows were used.
  public private(set) var sparseRows: SparseRows?

  /// A tensor whose values `fill` writes; the memory it is given is not initialized.
  init(_ shape: [Int], fill: (UnsafeMutablePointer<Float>) -> Void) {
    self.shape = shape
    stored = Storage(count: shape.product)
    withExtendedLifetime(stored) { fill(stored.pointer) }
  }

  /// A gradient that is zero but for some rows.
  init(sparseRows: SparseRows, shape: [Int]) {
    self.shape = shape
    self.sparseRows = sparseRows
    stored = .empty
  }

  /// What is in a storage already.
  init(_ storage: Storage, shape: [Int]) {
    self.shape = shape
    stored = storage
  }

  /// The same memory seen with another shape of as many elements; no recorder follows it.
  init(memoryOf other: Tensor, shape: [Int]) {
    self.shape = shape
    stored = other.storage
  }

  var storage: Storage { sparseRows.map { $0.dense(shape).stored } ?? stored }
}

extension Storage {
  static let empty = Storage(count: 0)
  static let undrawn = Storage(count: 0)
}

extension Tensor {
  /// Stands in a layer that is described and not built yet for weights to come. It has no values, and is told from
  /// every other tensor, be it one without values.
  static func undrawn(rank: Int) -> Tensor { Tensor(.undrawn, shape: Array(repeating: 0, count: rank)) }

  /// Whether the tensor is one, and does not stand for weights to come.
  var isDrawn: Bool { stored !== Storage.undrawn }
}

extension Sequence<Int> {
  /// The number of elements of a shape. Without elements it is 0, however large the other sizes are; what no integer
  /// can hold is the greatest one.
  var product: Int {
    var product = 1
    var isTooLarge = false
    for size in self {
      if size == 0 { return 0 }
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      product = next
      isTooLarge = isTooLarge || overflow
    }
    return isTooLarge ? .max : product
  }
}

// MARK: - Making tensors

extension Tensor {
  /// A tensor of the given shape and values in row-major order.
  public init(_ values: some Collection<Float>, shape: [Int]) {
    require(values.count == shape.product, "\(values.count) values do not fill the shape \(shape)")
    self.init(shape) { pointer in
      _ = UnsafeMutableBufferPointer(start: pointer, count: values.count).initialize(from: values)
    }
  }

  /// A scalar: a tensor of rank 0.
  public init(_ value: Float) {
    self.init([]) { $0.pointee = value }
  }

  /// A vector.
  public init(_ values: [Float]) {
    self.init(values, shape: [values.count])
  }

  /// A matrix from its rows, all of one length.
  public init(_ rows: [[Float]]) {
    let columns = rows.first?.count ?? 0
    require(rows.allSatisfy { $0.count == columns }, "the rows of a matrix differ in length: \(rows.map(\.count))")
    self.init(rows.flatMap { $0 }, shape: [rows.count, columns])
  }

  /// Whole numbers, such as class or token indices. Computations see them as floats (exact up to 16,777,216); as
  /// ``integers`` they are exact up to 2,147,483,647.
  public init(_ indices: [Int], shape: [Int]? = nil) {
    self.init(indices.map(Float.init), shape: shape ?? [indices.count])
    let integers = Storage(count: indices.count)
    for (place, index) in indices.enumerated() {
      guard let integer = Int32(exactly: index) else { return }
      UnsafeMutableRawPointer(integers.pointer + place).storeBytes(of: integer, as: Int32.self)
    }
    storage.setIntegers(integers)
  }

  /// A tensor that holds one value everywhere.
  public init(repeating value: Float, shape: [Int]) {
    self.init(shape) { kernels.fill(shape.product, value, $0) }
  }

  /// A tensor that holds 0 everywhere.
  public static func zeros(_ shape: [Int]) -> Tensor { Tensor(repeating: 0, shape: shape) }
  /// A tensor that holds 1 everywhere.
  public static func ones(_ shape: [Int]) -> Tensor { Tensor(repeating: 1, shape: shape) }

  /// Numbers drawn evenly from `range`.
  public static func uniform(
    _ shape: [Int], in range: Range<Float> = 0..<1, using generator: inout RandomGenerator
  ) -> Tensor {
    let width = range.upperBound - range.lowerBound
    return Tensor(shape) { pointer in
      for index in 0..<shape.product { pointer[index] = range.lowerBound + width * generator.uniform() }
    }
  }

  /// Numbers drawn from a normal distribution.
  public static func normal(
    _ shape: [Int], mean: Float = 0, deviation: Float = 1, using generator: inout RandomGenerator
  ) -> Tensor {
    Tensor(shape) { pointer in
      for index in 0..<shape.product { pointer[index] = mean + deviation * generator.normal() }
    }
  }
}

// MARK: - Reading and writing

extension Tensor {
  /// The number of axes.
  public var rank: Int { shape.count }
  /// The number of elements.
  public var count: Int { shape.product }

  /// The values in row-major order.
  public var values: [Float] {
    noteReading()
    return read { Array(UnsafeBufferPointer(start: $0, count: count)) }
  }

  /// The single value of a tensor of one element.
  public var item: Float {
    require(count == 1, "a tensor of shape \(shape) has \(count) values, not one")
    noteReading()
    return read { $0.pointee }
  }

  /// The value at one index an axis.
  public subscript(_ indices: Int...) -> Float {
    get {
      noteReading()
      return read { $0[offset(of: indices)] }
    }
    set {
      let offset = offset(of: indices)
      write { $0[offset] = newValue }
    }
  }

  /// Lets a running recorder know that the values are looked at.
  func noteReading() {
    if place.recorder != 0 { Recording.current?.noteReading(of: self) }
  }

  private func offset(of indices: [Int]) -> Int {
    require(
      indices.count == rank && zip(indices, shape).allSatisfy { $0 >= 0 && $0 < $1 },
      "the index \(indices) is outside a tensor of shape \(shape)")
    return zip(indices, shape).reduce(0) { $0 * $1.1 + $1.0 }
  }

  /// Calls `body` with the values in row-major order.
  public func withUnsafeValues<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    noteReading()
    let storage = storage
    defer { withExtendedLifetime(storage) {} }
    return try body(UnsafeBufferPointer(start: storage.pointer, count: count))
  }

  /// Calls `body` with the values for writing, in place when nobody shares them. The tensor leaves the tape.
  public mutating func withUnsafeMutableValues<Result>(
    _ body: (UnsafeMutableBufferPointer<Float>) -> Result
  ) -> Result {
    let count = count
    return write { body(UnsafeMutableBufferPointer(start: $0, count: count)) }
  }

  func read<Result>(_ body: (UnsafePointer<Float>) -> Result) -> Result {
    let storage = storage
    return withExtendedLifetime(storage) { body(storage.pointer) }
  }

  mutating func write<Result>(_ body: (UnsafeMutablePointer<Float>) -> Result) -> Result {
    if sparseRows != nil {
      stored = storage
      sparseRows = nil
    } else if !isKnownUniquelyReferenced(&stored) {
      let copy = Storage(count: count)
      kernels.copy(count, stored.pointer, copy.pointer)
      stored = copy
    } else {
      stored.willWrite()
    }
    place = .none
    return withExtendedLifetime(stored) { body(stored.pointer) }
  }

  /// The same values as a constant: gradients do not flow through it.
  public var detached: Tensor {
    var copy = self
    copy.place = .none
    return copy
  }

  /// Whether no value is infinite or not a number.
  public var isFinite: Bool { read { kernels.allFinite(count, $0) } }
}

/// Reads two tensors at once.
func read<Result>(
  _ first: Tensor, _ second: Tensor, _ body: (UnsafePointer<Float>, UnsafePointer<Float>) -> Result
) -> Result {
  first.read { a in second.read { b in body(a, b) } }
}

/// Reads three tensors at once.
func read<Result>(
  _ first: Tensor, _ second: Tensor, _ third: Tensor,
  _ body: (UnsafePointer<Float>, UnsafePointer<Float>, UnsafePointer<Float>) -> Result
) -> Result {
  first.read { a in second.read { b in third.read { c in body(a, b, c) } } }
}

extension Tensor: Equatable {
  /// Whether shapes and all values are equal (a value that is not a number equals nothing).
  public static func == (left: Tensor, right: Tensor) -> Bool {
    left.shape == right.shape && left.values == right.values
  }
}

extension Tensor: CustomStringConvertible {
  /// The shape and the values, of each axis the first eight.
  public var description: String {
    let values = values
    func text(_ axis: Int, _ offset: Int) -> String {
      guard axis < rank else { return "\(values[offset])" }
      let stride = shape[(axis + 1)...].product
      let shown = min(shape[axis], 8)
      let parts = (0..<shown).map { text(axis + 1, offset + $0 * stride) } + (shown < shape[axis] ? ["…"] : [])
      return "[" + parts.joined(separator: ", ") + "]"
    }
    return "Tensor(\(shape.isEmpty ? "" : "\(shape) ")\(text(0, 0)))"
  }
}
