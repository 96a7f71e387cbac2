"""A site that exists in numbers only, where years pass in a minute: what would its healing do, and is it safe?"""
