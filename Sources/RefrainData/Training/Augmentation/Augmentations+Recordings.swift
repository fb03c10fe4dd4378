import Refrain

extension Augmentations {
  /// Recordings in other forms, each by draws of its own. It is the features of sound that are changed.
  ///
  /// - Parameters:
  ///   - input: `[B, T, I]`, scaled to the mean 0 and the deviation 1; a step is one frame of the encoding, or several.
  ///   - encoding: How sound became frames.
  ///   - least: Of how many steps each recording is at least, such as its text takes; none is so fast that it has
  ///     fewer.
  public func changed(
    recordings input: StepValues, encoding: SoundEncoding, least: [Int]? = nil, using generator: inout RandomGenerator
  ) -> StepValues {
    guard !only(Augmentation.Content.recordings.kinds.filter { $0 != .mixup }).isEmpty else { return input }
    let recordings = input.sequences.enumerated().map { row, one in
      var one = one
      if let most = self[.speed], one.count > 0 {
        let factor = 1 + most * (2 * generator.uniform() - 1)
        let faster = one.played(by: factor, frame: encoding.width)
        if faster.count >= least?[row] ?? 1 { one = faster }
      }
      if let share = self[.shift], one.count > 0 {
        let later = generator.integer(below: Int((share * Float(one.count)).rounded(.up)) + 1)
        one = one.selecting(Array(repeating: 0, count: later) + Array(0..<one.count))
      }
      if let deviation = self[.gain] {
        let louder = deviation * generator.normal()
        for place in one.values.indices where place % one.width % encoding.width < encoding.levelWidth {
          one.values[place] += louder
        }
      }
      if let deviation = self[.noise] {
        for place in one.values.indices { one.values[place] += deviation * generator.normal() }
      }
      return one
    }
    guard recordings.contains(where: { $0.count > 0 }) else { return input }
    let batch = FeatureFrames.batch(recordings)
    return FeatureMasks(self)?(batch, encoding: encoding, using: &generator) ?? batch
  }
}

extension FeatureMasks {
  /// Those that are among some changes; nil where they are not.
  public init?(_ changes: Augmentations) {
    guard let amount = changes[.masks] else { return nil }
    self.init(timePart: amount, featurePart: min(1, 3 * amount))
  }

  /// Recordings `[B, T, I]` with masks of their own each.
  public func callAsFunction(
    _ recordings: StepValues, encoding: SoundEncoding, using generator: inout RandomGenerator
  ) -> StepValues {
    let (values, steps) = (recordings.values, recordings.steps)
    let lengths = steps.lengths ?? Array(repeating: values.shape[1], count: values.shape[0])
    return StepValues(self(values, lengths: lengths, width: encoding.baseWidth, using: &generator), steps: steps)
  }
}

extension SoundEncoding {
  /// How many of the first values of a frame rise with the loudness: all levels, and the first of coefficients.
  fileprivate var levelWidth: Int {
    if case .sound(let features) = source, case .logMel = features.kind { return baseWidth }
    return 1
  }
}

extension FeatureFrames {
  /// The rows as they would be of sound that is so many times as fast; a row may be several frames of a width.
  fileprivate func played(by factor: Float, frame: Int) -> FeatureFrames {
    let frames = FeatureFrames(values, width: frame)
    let left = max(1, Int((Float(frames.count) / factor).rounded()))
    let places = (0..<left).map { min(Float($0) * factor, Float(frames.count - 1)) }
    return frames.interpolated(at: places, columns: frame).stacked(width / frame)
  }
}
