import Refrain

extension Augmentations {
  /// A text in another form: some tokens left out, swapped, misspelt or unknown. Of a text with a token one is left.
  ///
  /// - Parameters:
  ///   - tokens: Those of a ``Vocabulary``.
  ///   - vocabulary: How many tokens there are, special ones counted.
  public func changed(
    tokens: [Int], vocabulary: Int, using generator: inout RandomGenerator
  ) -> [Int] {
    var tokens = tokens
    guard let last = tokens.indices.last else { return tokens }
    if let rate = self[.deletion] {
      let spared = generator.integer(below: tokens.count)
      tokens = tokens.enumerated().filter { place, _ in generator.uniform() >= rate || place == spared }.map(\.element)
    }
    if let share = self[.swap], last > 0, tokens.count > 1 {
      for _ in 0..<max(1, Int((share * Float(tokens.count)).rounded())) {
        tokens.swapAt(generator.integer(below: tokens.count), generator.integer(below: tokens.count))
      }
    }
    if let rate = self[.typos] { tokens = misspelt(tokens, rate, vocabulary, &generator) }
    if let rate = self[.wordDropout] {
      tokens = tokens.map { generator.uniform() < rate ? Vocabulary.unknown : $0 }
    }
    return tokens
  }

  private func misspelt(
    _ tokens: [Int], _ rate: Float, _ vocabulary: Int, _ generator: inout RandomGenerator
  ) -> [Int] {
    let first = Vocabulary.specials.count
    var (result, place): ([Int], Int) = ([], 0)
    while place < tokens.count {
      let token = tokens[place]
      defer { place += 1 }
      guard generator.uniform() < rate else {
        result.append(token)
        continue
      }
      switch generator.integer(below: 4) {
      case 0 where place + 1 < tokens.count:
        result += [tokens[place + 1], token]
        place += 1
      case 1 where tokens.count > 1 && (!result.isEmpty || place + 1 < tokens.count): break
      case 2: result += [token, token]
      default: result.append(vocabulary > first ? first + generator.integer(below: vocabulary - first) : token)
      }
    }
    return result
  }

  /// Texts `[B, T]` in other forms, padded to the longest.
  public func changed(
    texts input: StepValues, vocabulary: Int, using generator: inout RandomGenerator
  ) -> StepValues {
    let (batch, time) = (input.values.shape[0], input.values.shape[1])
    let values = input.values.values
    let lengths = input.steps.lengths ?? Array(repeating: time, count: batch)
    let texts = lengths.enumerated().map { row, length in
      changed(
        tokens: values[row * time..<row * time + length].map { Int($0) }, vocabulary: vocabulary, using: &generator)
    }
    let tokens = Tokens(texts, padding: Vocabulary.padding)
    return StepValues(tokens.tensor, steps: Steps(lengths: texts.map(\.count)))
  }

  /// Tokens `[B, T]` of which some are unknown, where each has to stay in its place.
  public func changed(read input: Tensor, using generator: inout RandomGenerator) -> Tensor {
    guard let rate = self[.wordDropout] else { return input }
    return Tensor(
      input.values.map { generator.uniform() < rate ? Vocabulary.unknown : Int($0) }, shape: input.shape)
  }

  /// Values of one of several words each, of which some become the one for those that were never seen, 0.
  public func changed(categories input: Tensor, using generator: inout RandomGenerator) -> Tensor {
    guard let rate = self[.unknown] else { return input }
    return Tensor(input.values.map { generator.uniform() < rate ? 0 : Int($0) }, shape: input.shape)
  }
}
