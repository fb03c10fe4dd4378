// Whole numbers, such as tokens and classes. A tensor that was made of integers keeps them beside its floats, through
// every operation that only moves values: what looks up rows by them reads them as they were given.

extension Tensor {
  /// The values as integers: those the tensor was made of, or floats that hold whole numbers exactly; nil where a value
  /// is none.
  public var integers: [Int]? { try? indices(below: nil) }

  /// The values as indices `0 ..< limit`, or any integers without a limit.
  ///
  /// - Throws: ``NoIndex`` with the first value that is none, and its place.
  func indices(below limit: Int?) throws(NoIndex) -> [Int] {
    noteReading()
    if let integers = storage.integers {
      let values = (0..<count).map { Int(UnsafeRawPointer(integers.pointer + $0).load(as: Int32.self)) }
      defer { withExtendedLifetime(integers) {} }
      if let limit, let place = values.firstIndex(where: { !(0..<limit).contains($0) }) {
        throw NoIndex(value: "\(values[place])", place: place)
      }
      return values
    }
    var result: [Int] = []
    result.reserveCapacity(count)
    let wrong: Int? = read { values in
      for place in 0..<count {
        let value = values[place]
        // A float from 2^24 on is whole, but may not be the number that was meant.
        guard value == value.rounded(), value.magnitude < 0x1p24, limit.map({ (0..<$0).contains(Int(value)) }) ?? true
        else { return place }
        result.append(Int(value))
      }
      return nil
    }
    if let wrong { throw NoIndex(value: "\(read { $0[wrong] })", place: wrong) }
    return result
  }

  /// The result of an operation that only moves values: integers go the same way.
  func moved(_ move: (Tensor) -> Tensor) -> Tensor {
    let result = move(self)
    if sparseRows == nil, let integers = storage.integers {
      result.storage.setIntegers(move(Tensor(integers, shape: shape)).storage)
    }
    return result
  }
}

/// A value that is no index.
struct NoIndex: Error {
  /// As it is to be shown.
  let value: String
  /// Where it stands among all values.
  let place: Int
}
