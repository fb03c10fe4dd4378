import Refrain
import RefrainTestSupport
import Testing

@testable import RefrainData

/// One weight, so that something can be trained.
private struct Weight: Module {
  var weight = Tensor.ones([1])
  mutating func forEachTensor<E: Error>(
    _ body: (_ name: String, _ tensor: inout Tensor) throws(E) -> Void
  ) throws(E) { try body("weight", &weight) }
}

@Suite("Changes of examples") struct AugmentationTests {
  private func changes(_ text: String) throws -> Augmentations { try Augmentations(text) }

  private func fault(_ text: String) -> String {
    do throws(Augmentations.Fault) {
      _ = try Augmentations(text)
      return ""
    } catch { return error.description }
  }

  /// `[B, T, I]` of different numbers.
  private func ramp(_ shape: [Int], lengths: [Int]? = nil) -> StepValues {
    let count = shape.reduce(1, *)
    return StepValues(Tensor((0..<count).map { Float($0) }, shape: shape), steps: Steps(lengths: lengths))
  }

  @Test("are typed as kinds with their amounts, and what cannot be is refused with one line") func text() throws {
    #expect(try changes("noise=0.1,scaling").text == "noise=0.1,scaling=0.1")
    #expect(try changes("jitter").all == [Augmentation(.noise)])
    for none in ["none", "noise=0,shift=0"] { #expect(try changes(none).isEmpty) }
    #expect(try changes("permutation=4")[.permutation] == 4)
    #expect(try changes("noise")[.scaling] == nil)
    // What is usual may be asked away.
    #expect(
      try changes("masks=0").names(.masks) && changes("masks=0")[.masks] == nil && !changes("noise").names(.masks))
    #expect(try changes("NONE").all.isEmpty && changes("speed=0.5,shift=0.5").growth == 3)
    #expect(fault("nose") == "has no kind 'nose'; did you mean 'noise'?")
    #expect(fault("noise,noise=2") == "names 'noise' twice")
    #expect(fault("rotation=90") == "takes rotation from 0 to 45, not '90'")
    #expect(fault("noise=-1") == "takes noise from 0 to 10, not '-1'" && fault("noise=").contains("not ''"))
    #expect(fault("").contains("has no kind ''") && fault("noise=nan").contains("not 'nan'"))
    for kind in Augmentation.Kind.allCases {
      #expect(kind.amounts.contains(kind.usualAmount) && kind.amounts.contains(0))
      #expect(Augmentation.Content.allCases.contains { $0.kinds.contains(kind) })
    }
  }

  @Test("are made while a model trains alone, by what the batch draws from") func training() throws {
    let changes = try changes("noise=1")
    let input = ramp([2, 3, 1])
    func seen() -> [Float] {
      changes.whileTraining(input) { $0.changed(series: $1, channels: 1, using: &$2) }.values.values
    }
    #expect(seen() == input.values.values)
    func drawn(_ seed: UInt64, training: Bool) -> [Float] {
      var generator = RandomGenerator(seed: seed)
      var found: [Float] = []
      _ = valueAndGradient(at: Weight(), training: training, using: &generator) { model in
        found = seen()
        return model.weight.sum()
      }
      return found
    }
    #expect(drawn(1, training: false) == input.values.values)
    #expect(drawn(1, training: true) != input.values.values && drawn(1, training: true) == drawn(1, training: true))
    #expect(drawn(1, training: true) != drawn(2, training: true))
    // What is drawn before is not drawn again.
    var generator = RandomGenerator(seed: 1)
    _ = valueAndGradient(at: Weight(), using: &generator) { model in
      #expect(seen() != seen())
      return model.weight.sum()
    }
    #expect(try Augmentations("none").whileTraining(1) { _, _, _ in 2 } == 1)
  }

  @Test("leave tokens out, swap them, make them unknown and misspell them") func tokens() throws {
    let text = Array(10..<60)
    var generator = RandomGenerator(seed: 3)
    func changed(_ kinds: String, _ tokens: [Int]) throws -> [Int] {
      try changes(kinds).changed(tokens: tokens, vocabulary: 100, using: &generator)
    }
    let left = try changed("deletion=0.5", text)
    #expect(left.count > 10 && left.count < 40 && left == left.sorted())
    for _ in 0..<20 { #expect(try changed("deletion=0.9", [7, 8]).count >= 1) }
    let swapped = try changed("swap=0.3", text)
    #expect(swapped != text && swapped.sorted() == text)
    #expect(zip(swapped, text).count { $0 != $1 } <= 30)
    let unknown = try changed("word-dropout=0.3", text)
    let places = unknown.indices.filter { unknown[$0] != text[$0] }
    #expect(places.count > 5 && places.count < 25 && places.allSatisfy { unknown[$0] == Vocabulary.unknown })
    let misspelt = try changed("typos=0.5", text)
    #expect(misspelt != text && misspelt.allSatisfy { $0 >= Vocabulary.specials.count && $0 < 100 })
    for kinds in ["deletion=0.9", "swap=1", "typos=0.9", "word-dropout=0.9"] {
      #expect(try changed(kinds, []) == [])
      for _ in 0..<20 { #expect(try changed(kinds, [9]).count >= 1) }
    }
    let texts = try changes("deletion=0.5").changed(
      texts: ramp([2, 6], lengths: [6, 2]), vocabulary: 20, using: &generator)
    let lengths = try #require(texts.steps.lengths)
    #expect(lengths[0] <= 6 && lengths[1] <= 2 && texts.values.shape == [2, lengths.max() ?? 0])
    // Where tokens must stay, none moves.
    let read = try changes("word-dropout=0.4,deletion=0.9").changed(
      read: ramp([1, 50]).values + Float(10), using: &generator)
    #expect(read.shape == [1, 50] && read.values.enumerated().allSatisfy { $1 == 1 || $1 == Float($0 + 10) })
    let categories = try changes("unknown=0.5").changed(categories: .ones([40]), using: &generator).values
    #expect(Set(categories) == [0, 1])
  }

  @Test("give values of series noise and factors, and leave alone what is no channel") func values() throws {
    var generator = RandomGenerator(seed: 4)
    let input = StepValues(Tensor.ones([2, 30, 3]), steps: Steps(lengths: [30, 10]))
    func changed(_ kinds: String) throws -> [[Float]] {
      let output = try changes(kinds).changed(series: input, channels: 2, using: &generator)
      #expect(output.values.shape == [2, 30, 3] && output.steps.lengths == [30, 10])
      // What is behind the end stays nothing, and the third value is no channel's.
      for step in 10..<30 { for column in 0..<3 { #expect(output.values[1, step, column] == 0) } }
      for step in 0..<30 { #expect(output.values[0, step, 2] == 1) }
      return (0..<2).map { column in (0..<30).map { output.values[0, $0, column] } }
    }
    let noise = try changed("noise=0.1")
    #expect(Set(noise[0]).count > 25 && noise[0].allSatisfy { abs($0 - 1) < 0.6 } && noise[0] != noise[1])
    let scaled = try changed("scaling=0.2")
    #expect(Set(scaled[0]).count == 1 && scaled[0][0] != 1 && scaled[1][0] != scaled[0][0])
    let warped = try changed("magnitude-warp=0.3")
    #expect(Set(warped[0]).count > 20)
    // A curve without corners: no step is much larger than its neighbors.
    let steps = zip(warped[0].dropFirst(), warped[0]).map { $0 - $1 }
    #expect(zip(steps.dropFirst(), steps).allSatisfy { abs($0 - $1) < 0.2 })
    #expect(try changes("noise").factors(steps: 3, using: &generator) == nil)
    #expect(try changes("scaling,magnitude-warp").factors(steps: 3, using: &generator)?.count == 3)
    // What is not there has no noise.
    let there: [Float] = (0..<30).flatMap { step -> [Float] in [1, Float(step % 2)] }
    let gaps = StepValues(Tensor(there, shape: [1, 30, 2]), steps: Steps())
    let noisy = try changes("noise=0.1").changed(series: gaps, channels: 1, flags: 1, using: &generator).values
    for step in 0..<30 {
      #expect((noisy[0, step, 0] != 1) == (step % 2 == 1))
      #expect(noisy[0, step, 1] == Float(step % 2))
    }
    let numbers = try changes("noise=0.1").changed(
      numbers: Tensor([1, 0, 0, 1], shape: [2, 2]), count: 1, isThere: { $0.last == 0 }, using: &generator)
    #expect(numbers[0, 0] != 1 && numbers[0, 1] == 0 && numbers[1, 0] == 0 && numbers[1, 1] == 1)
  }

  @Test("cut series, put their pieces in another order and warp their time") func steps() throws {
    var generator = RandomGenerator(seed: 5)
    let input = ramp([1, 40, 1])
    func changed(_ kinds: String) throws -> [Float] {
      let output = try changes(kinds).changed(series: input, channels: 1, using: &generator)
      return Array(output.values.values.prefix(output.steps.lengths?[0] ?? 0))
    }
    var counts: Set<Int> = []
    for _ in 0..<30 {
      let slice = try changed("slice=0.2")
      counts.insert(slice.count)
      #expect(slice == (0..<slice.count).map { slice[0] + Float($0) })
    }
    #expect(counts.min() ?? 0 >= 32 && counts.max() ?? 0 >= 39 && counts.count > 4)
    let pieces = try changed("permutation=5")
    #expect(pieces.sorted() == input.values.values)
    #expect(zip(pieces.dropFirst(), pieces).count { $0 != $1 + 1 } <= 4)
    let warped = try changed("time-warp=0.3")
    #expect(warped.count == 40 && warped != input.values.values && warped[0] == 0 && abs(warped[39] - 39) < 1e-3)
    #expect(zip(warped.dropFirst(), warped).allSatisfy { $0 > $1 })
    // What is no channel is that of the nearest step.
    let flags: [Float] = (0..<40).flatMap { step -> [Float] in [Float(step), Float(step % 2)] }
    let flagged = StepValues(Tensor(flags, shape: [1, 40, 2]), steps: Steps())
    let near = try changes("time-warp=0.3").changed(series: flagged, channels: 1, using: &generator).values
    for step in 0..<40 {
      let nearest = Int(near[0, step, 0].rounded())
      #expect(near[0, step, 1] == Float(nearest % 2))
    }
    // The time since the step before is 0 at the first step, wherever that comes from.
    let timed = StepValues(Tensor.ones([1, 20, 2]), steps: Steps(lengths: [20]))
    for _ in 0..<5 {
      let cut = try changes("slice=0.5").changed(series: timed, channels: 1, timeColumn: 1, using: &generator)
      #expect(cut.values[0, 0, 1] == 0 && cut.values[0, 1, 1] == 1)
    }
    for kinds in ["slice=0.9", "permutation", "time-warp"] {
      let one = try changes(kinds).changed(series: ramp([1, 1, 1]), channels: 1, using: &generator)
      #expect(one.steps.lengths == [1] && one.values.values == [0])
    }
  }

  @Test("make recordings faster, later, louder, noisy and masked") func recordings() throws {
    var generator = RandomGenerator(seed: 6)
    let encoding = SoundEncoding(SoundFeatures(.logMel, sampleRate: 8000, melCount: 2, deltas: 1))
    #expect(encoding.width == 4 && encoding.baseWidth == 2)
    // Two frames a step, of two levels with their changes.
    let input = StepValues(
      Tensor((0..<40).map { Float($0) } + Array(repeating: 0, count: 40), shape: [2, 5, 8]),
      steps: Steps(lengths: [5, 0]))
    func changed(_ kinds: String, least: [Int]? = nil) throws -> StepValues {
      try changes(kinds).changed(recordings: input, encoding: encoding, least: least, using: &generator)
    }
    var lengths: Set<Int> = []
    for _ in 0..<40 { lengths.insert(try changed("speed=0.5").steps.lengths?[0] ?? 0) }
    #expect(lengths.min() ?? 0 < 5 && lengths.max() ?? 0 > 5)
    for _ in 0..<20 { #expect(try changed("speed=0.5", least: [5, 0]).steps.lengths?[0] ?? 0 >= 5) }
    // Frames lie as far apart as the speed says, from the first to about the last.
    for _ in 0..<10 {
      let played = try changed("speed=0.5")
      let frames = 2 * (played.steps.lengths?[0] ?? 0)
      let levels = (0..<frames).map { played.values[0, $0 / 2, $0 % 2 * 4] }
      // As many frames as there are, or one less: the last stands twice where a step would be half full.
      let speeds = 40 / (Float(frames) + 0.5) - 1e-3...40 / (Float(frames) - 1.5) + 1e-3
      #expect(levels[0] == 0 && speeds.contains(levels[1]), "\(levels)")
      #expect(abs(levels[2] - 2 * levels[1]) < 1e-3 && levels[frames - 1] > 30)
    }
    let later = try (0..<20).map { _ in try changed("shift=0.5") }.first { $0.steps.lengths?[0] == 7 }
    let shifted = try #require(later)
    #expect(shifted.values[0, 0, 0] == 0 && shifted.values[0, 2, 7] == 7 && shifted.values[0, 6, 7] == 39)
    let louder = (try changed("gain=1").values - input.values).values
    #expect(louder[0] != 0)
    for (place, value) in louder.prefix(40).enumerated() {
      #expect(place % 4 < 2 ? abs(value - louder[0]) < 1e-4 : value == 0)
    }
    #expect(try changed("noise").values != input.values)
    let many = StepValues(.ones([3, 40, 8]), steps: Steps(lengths: [40, 40, 40]))
    let masked = try changes("masks=0.2").changed(recordings: many, encoding: encoding, using: &generator).values
    #expect(Set(masked.values) == [0, 1])
    // Masks come last: what they cover is zero.
    let both = try changes("masks=0.2,noise,gain").changed(recordings: many, encoding: encoding, using: &generator)
    #expect(both.values.values.count { $0 == 0 } > 20)
    #expect(try FeatureMasks(changes("masks=0.2"))?.timePart == 0.2)
    #expect(try FeatureMasks(changes("noise")) == nil)
  }

  @Test("move, turn and erase frames, all of a clip alike") func frames() throws {
    var generator = RandomGenerator(seed: 7)
    let input = ramp([1, 2, 10, 10, 1])
    func changed(_ kinds: String, _ input: StepValues) throws -> Tensor {
      try changes(kinds).changed(frames: input, using: &generator).values
    }
    var moves: Set<Float> = []
    for _ in 0..<30 {
      let moved = try changed("shift=0.2", input)
      // Within, every place holds what lay as far away.
      let offset = moved[0, 0, 5, 5, 0] - 55
      moves.insert(offset)
      for row in 3..<7 {
        for column in 3..<7 {
          #expect(moved[0, 0, row, column, 0] == Float(10 * row + column) + offset)
          #expect(moved[0, 1, row, column, 0] == Float(100 + 10 * row + column) + offset)
        }
      }
      // What comes in is as the edge is.
      #expect(moved.values.allSatisfy { (0...199).contains($0) })
    }
    #expect(moves.count > 8 && moves.allSatisfy { abs($0) <= 22 })
    let turned = try changed("rotation=45", input)
    #expect(turned != input.values && turned.values.allSatisfy { (0...199).contains($0) })
    // The middle stays, and a frame of one value is as it was.
    #expect(abs(turned[0, 0, 4, 4, 0] + turned[0, 0, 5, 5, 0] - 99) < 1e-3)
    // A frame is turned as a whole, and not mirrored, by at most the angle: of a point to the right of the middle and
    // one above it, in channels of their own.
    var points = [Float](repeating: 0, count: 13 * 13 * 2)
    (points[(6 * 13 + 11) * 2], points[(1 * 13 + 6) * 2 + 1]) = (1, 1)
    let pair = StepValues(Tensor(points, shape: [1, 1, 13, 13, 2]))
    var angles: [Float] = []
    for _ in 0..<30 {
      let output = try changed("rotation=40", pair)
      func center(_ channel: Int) -> (row: Float, column: Float) {
        var (sum, row, column): (Float, Float, Float) = (0, 0, 0)
        for place in 0..<13 * 13 {
          let value = output[0, 0, place / 13, place % 13, channel]
          (sum, row, column) = (
            sum + value, row + value * Float(place / 13 - 6), column + value * Float(place % 13 - 6)
          )
        }
        return (row / sum, column / sum)
      }
      let (right, above) = (center(0), center(1))
      #expect(abs(right.row * right.row + right.column * right.column - 25) < 4, "\(right)")
      #expect(abs(above.row - -right.column) < 0.5 && abs(above.column - right.row) < 0.5, "\(right) \(above)")
      angles.append(right.row / 5)
    }
    // The sines of the angles.
    #expect(angles.allSatisfy { abs($0) < 0.73 } && angles.contains { $0 > 0.2 } && angles.contains { $0 < -0.2 })
    // Sides have shifts of their own.
    var offsets: [(down: Int, right: Int)] = []
    for _ in 0..<60 {
      let offset = Int(try changed("shift=0.25", ramp([1, 1, 8, 24, 1]))[0, 0, 4, 12, 0]) - (4 * 24 + 12)
      let down = Int((Float(offset) / 24).rounded())
      offsets.append((down, offset - 24 * down))
    }
    #expect(offsets.allSatisfy { abs($0.down) <= 2 && abs($0.right) <= 6 })
    #expect(offsets.contains { abs($0.down) == 2 } && offsets.contains { abs($0.right) > 4 })
    let plain = StepValues(Tensor(repeating: 3, shape: [1, 1, 6, 8, 3]))
    #expect(try changed("rotation=45,shift=0.5", plain).values.allSatisfy { abs($0 - 3) < 1e-5 })
    var erased = 0
    for _ in 0..<40 {
      let output = try changed("erasing=0.5", input).values
      let places = output.indices.filter { output[$0] != Float($0) }
      erased += places.isEmpty ? 0 : 1
      #expect(places.count <= 130 && places.allSatisfy { output[$0] == 99.5 })
      #expect(places.filter { $0 < 100 } == places.filter { $0 >= 100 }.map { $0 - 100 })
    }
    #expect(erased > 8 && erased < 32)
    let short = StepValues(.ones([1, 3, 4, 4, 1]), steps: Steps(lengths: [1]))
    let noisy = try changed("noise", short).values
    #expect(noisy.prefix(16).allSatisfy { $0 != 1 } && noisy.dropFirst(16).allSatisfy { $0 == 1 })
  }

  @Test("mix examples in shares of the beta distribution") func mixing() throws {
    var generator = RandomGenerator(seed: 8)
    let changes = try changes("mixup=0.2")
    let shares = (0..<2000).map { _ in Double(changes.mixing(4, using: &generator)?.share ?? .nan) }
    #expect(shares.allSatisfy { (0...1).contains($0) })
    let mean = shares.reduce(0, +) / 2000
    let variance = shares.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2000
    // That of Beta(α, α) is 1 / (4 (2α + 1)).
    #expect(abs(mean - 0.5) < 0.04 && abs(variance - 1 / 5.6) < 0.02, "\(mean) and \(variance)")
    #expect(try Augmentations("noise").mixing(4, using: &generator) == nil)
    let mixing = Mixing(order: [1, 0], share: 0.75)
    let mixed = mixing.mixed(StepValues(Tensor([[1, 2], [5, 6]]), steps: Steps(lengths: [1, 2])))
    #expect(mixed.values.values == [2, 3, 4, 5] && mixed.steps.lengths == [2, 2])
  }

  @Test("are the same of the same numbers") func same() throws {
    let all = Augmentations(Augmentation.Kind.allCases.map { Augmentation($0) })
    let encoding = SoundEncoding(SoundFeatures(.logMel, sampleRate: 8000, melCount: 4))
    func drawn() -> [Tensor] {
      var generator = RandomGenerator(seed: 9)
      let steps = ramp([3, 12, 4], lengths: [12, 8, 3])
      return [
        all.changed(series: steps, channels: 4, using: &generator).values,
        all.changed(recordings: steps, encoding: encoding, using: &generator).values,
        all.changed(frames: ramp([2, 2, 5, 6, 1]), using: &generator).values,
        all.changed(texts: ramp([3, 12], lengths: [12, 8, 3]), vocabulary: 40, using: &generator).values,
      ]
    }
    #expect(drawn() == drawn())
  }
}
