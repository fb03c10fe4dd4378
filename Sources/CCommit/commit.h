// The commit that a release is built from, if the build was told (see Package.swift): REFRAIN_COMMIT in the environment.

#define REFRAIN_TEXT_OF(name) #name
#define REFRAIN_TEXT(name) REFRAIN_TEXT_OF(name)

// Empty where the build was not told.
static inline const char *refrain_commit(void) {
#ifdef REFRAIN_COMMIT
  return REFRAIN_TEXT(REFRAIN_COMMIT);
#else
  return "";
#endif
}
