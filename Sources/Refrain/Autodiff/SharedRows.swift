/// What is known of a whole batch that several processes share, so that each can draw what belongs to its own examples
/// as if it had all of them.
public struct WholeBatch: Sendable, Equatable {
  /// The number of examples **B**.
  public var count: Int
  /// How many valid steps each example has, `[B]`; nil where that is not known. What is drawn for each step alone
  /// (zoneout) is drawn along them.
  public var lengths: [Int]?
  /// The tokens of each input that an embedding reads, in the order in which they are read: those of one example after
  /// another, `[B · T]`, 0 where there is no step. Empty where these are not known. Whole words are dropped in the
  /// order in which they first come.
  public var tokens: [[Int]]

  /// A batch of `count` examples.
  public init(count: Int, lengths: [Int]? = nil, tokens: [[Int]] = []) {
    (self.count, self.lengths, self.tokens) = (count, lengths, tokens)
  }
}

/// The places that a share has among `total`: every so-manieth, so that shares of a batch whose examples lie in the
/// order of their lengths have about the same.
package func sharedPlaces(_ share: Int, of count: Int, total: Int) -> [Int] {
  Array(stride(from: share, to: total, by: count))
}

/// The examples of a batch that this process computes, where several share it.
struct SharedRows {
  let whole: WholeBatch
  /// The places of this process' examples in the whole batch.
  let places: [Int]
  /// What is drawn of which it is not known what the whole batch would draw: other numbers in each process.
  let generator: RandomGenerator

  init(_ share: Int, of count: Int, in whole: WholeBatch, generator: RandomGenerator) {
    self.whole = whole
    places = sharedPlaces(share, of: count, total: whole.count)
    self.generator = generator
  }

  /// Of what the whole batch would draw, how many rows there are and which are this process' own.
  typealias Drawn = (total: Int, own: [Int])

  /// Rows of a tensor whose examples lie along an axis; of an axis of several rows an example, these lie together.
  ///
  /// - Returns: nil where the axis cannot be that of the examples.
  func rows(of shape: [Int], examplesAlong axis: Int) -> Drawn? {
    guard shape.indices.contains(axis), !places.isEmpty, shape[axis] % places.count == 0 else { return nil }
    let outer = shape[..<axis].reduce(1, *)
    let own = (0..<outer).flatMap { step in places.map { step * whole.count + $0 } }
    return (outer * whole.count, own)
  }

  /// Which of the whole batch's inputs of tokens these are of this process' own examples; nil where it is none.
  ///
  /// - Parameter first: where to begin to look, as inputs are read one after another: shares may be alike.
  func input(of own: [Int], from first: Int) -> Int? {
    guard !places.isEmpty, own.count % places.count == 0 else { return nil }
    let time = own.count / places.count
    return whole.tokens.indices.map { (first + $0) % whole.tokens.count }.first { input in
      let all = whole.tokens[input]
      return all.count == whole.count * time
        && places.enumerated().allSatisfy { row, place in
          own[row * time..<(row + 1) * time].elementsEqual(all[place * time..<(place + 1) * time])
        }
    }
  }
}
